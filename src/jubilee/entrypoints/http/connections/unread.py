"""Detection of clients that do not read their responses."""

from jubilee.entrypoints.http.connections.limits import MIN_READ_BYTES


class UnreadAnswer:
    """Detects a write buffer that does not shrink; called at every sweep."""

    __slots__ = ("_mark", "_sweeps")

    def __init__(self) -> None:
        self._mark = self._sweeps = 0

    def sweeps(self, size: int) -> int:
        """Return in how many sweeps too little was read of a buffer that now has `size` bytes."""
        read = self._mark - size
        if size == 0 or read < 0 or read >= min(self._mark, MIN_READ_BYTES):
            self._mark, self._sweeps = size, 0
        else:
            self._sweeps += 1
        return self._sweeps
