"""Received bytes of a connection that are not parsed yet."""

from jubilee.entrypoints.http.connections.limits import MAX_HEAD_BYTES, MAX_TURN_BYTES

END = b"\r\n\r\n"
"""End of every head, and of every chunked body with its trailers."""


class TooMuchFraming(Exception):
    """Headers, trailers or chunk extensions are larger than `MAX_HEAD_BYTES`."""


class UnparsedBytes:
    """Cuts the bytes into pieces that contain the end of at most one head or body.

    So a request is parsed only after the one before it has been answered. The framing is still
    up to the parser, which gives the same result wherever its input is cut.
    """

    __slots__ = ("_at", "_data", "body_left", "framing", "is_empty")

    def __init__(self) -> None:
        self._data, self._at = b"", 0
        self.is_empty = True
        self.body_left = 0
        """Bytes that are still to come of a body with a Content-Length."""
        self.framing = 0
        """Bytes taken since the end of the last head, or since the last byte of a body."""

    def add(self, data: bytes) -> None:
        """Append received bytes."""
        self._data = data if self.is_empty else self._data[self._at :] + data
        self._at, self.is_empty = 0, False

    def clear(self) -> None:
        """Drop all bytes."""
        self._data, self._at, self.is_empty = b"", 0, True

    def takes_whole(self, data: bytes) -> bool:
        """Return whether nothing waits and the bytes are exactly one head: the most common case."""
        is_one_head = 0 <= data.find(END) == len(data) - len(END)
        return is_one_head and len(data) <= MAX_HEAD_BYTES and self.is_empty and not self.framing

    def take(self) -> bytes:
        """Remove and return the next piece; empty while only a part of a line's end has arrived.

        Raises TooMuchFraming.
        """
        data, at = self._data, self._at
        if self.body_left:
            end = min(len(data), at + self.body_left)
            self.body_left -= end - at
        else:
            end = self._end_of_framing(data, at)
            self.framing += end - at
        self._at, self.is_empty = end, end == len(data)
        return data[at:end] if at or end < len(data) else data

    def _end_of_framing(self, data: bytes, at: int) -> int:
        if self.framing >= MAX_HEAD_BYTES:
            raise TooMuchFraming
        end = data.find(END, at) + len(END)
        if end < len(END):
            end = len(data)
            while at < end and len(data) - end < len(END) - 1 and data[end - 1] in END:
                end -= 1  # the next bytes may make it the end
        return min(end, at + MAX_HEAD_BYTES - self.framing, at + MAX_TURN_BYTES)
