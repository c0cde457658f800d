"""Log lines on their way out: gathered, and written by a thread, so that no request waits."""

import os
import threading
from collections import deque
from contextlib import suppress
from select import select
from time import monotonic

from jubilee.adapters.telemetry.counters import Counter

CAPACITY = 20_000  # lines; whoever reads so slowly that it fills up misses some
FLUSH_INTERVAL_S = 0.05  # seconds between two writes
CLOSE_TIMEOUT_S = 2.0  # seconds in which the last lines may leave


class LineWriter:
    """Writes lines to a file descriptor, in their order; from any thread."""

    def __init__(self, descriptor: int, *, room: int = CAPACITY) -> None:
        """The thread begins with the first line."""
        self.lost = Counter()
        """Lines that found no room."""
        self._descriptor = descriptor
        self._room = room
        self._lines: deque[str] = deque()
        self._begun = threading.Lock()
        self._wanted = threading.Event()
        self._urgent = threading.Event()
        self._empty = threading.Condition()
        self._busy = False
        self._thread: threading.Thread | None = None

    def write(self, line: str) -> None:
        """Never waits: where there is no room, the line is lost, and counted."""
        if len(self._lines) >= self._room:
            self.lost.inc()
            return
        self._lines.append(line)
        if not self._wanted.is_set():
            self._wake()

    def flush(self, patience: float = CLOSE_TIMEOUT_S) -> None:
        """Wait until all is written, for so many seconds at most."""
        deadline = monotonic() + patience
        self._urgent.set()
        with self._empty:
            while (self._lines or self._busy) and monotonic() < deadline:
                self._empty.wait(max(deadline - monotonic(), 0))
        self._urgent.clear()

    def _wake(self) -> None:
        with self._begun:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, daemon=True, name="log lines")
                self._thread.start()
        self._wanted.set()

    def _run(self) -> None:
        while True:
            self._wanted.wait()
            self._urgent.wait(FLUSH_INTERVAL_S)
            self._wanted.clear()
            self._busy = True
            self._write_all()
            with self._empty:
                self._busy = False
                self._empty.notify_all()

    def _write_all(self) -> None:
        while self._lines:
            batch = [self._lines.popleft() for _ in range(min(len(self._lines), 500))]
            content = "".join(f"{line}\n" for line in batch).encode(errors="backslashreplace")
            with suppress(OSError):  # nobody reads any more: the service goes on
                _write(self._descriptor, content)


def _write(descriptor: int, content: bytes) -> None:
    while content:
        try:
            content = content[os.write(descriptor, content) :]
        except BlockingIOError:  # whoever shares the terminal has made it so
            select((), (descriptor,), ())
