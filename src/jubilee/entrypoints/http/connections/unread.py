"""Answers that a client does not take."""

from jubilee.entrypoints.http.connections.limits import MIN_READ_BYTES


class UnreadAnswer:
    """Notices a write buffer that does not get shorter: to be asked at every sweep."""

    __slots__ = ("_mark", "_sweeps")

    def __init__(self) -> None:
        self._mark = self._sweeps = 0

    def sweeps(self, size: int) -> int:
        """For how many sweeps too little was taken of a buffer that is `size` bytes now."""
        taken = self._mark - size
        if size == 0 or taken < 0 or taken >= min(self._mark, MIN_READ_BYTES):
            self._mark, self._sweeps = size, 0
        else:
            self._sweeps += 1
        return self._sweeps
