"""Buffers log lines and writes them from a thread, so that no request waits for the output.

Processes of one parent share the output. A write of up to PIPE_BUF bytes to a pipe is not mixed
with those of others; a longer line may be while the pipe is full.
"""

import os
import threading
from collections import deque
from contextlib import suppress
from select import PIPE_BUF, select
from time import monotonic

from jubilee.adapters.telemetry.counters import Counter

MAX_LINES = 20_000  # lines; more are dropped
FLUSH_INTERVAL_S = 0.05
CLOSE_TIMEOUT_S = 2.0


class LineWriter:
    """Writes lines to a file descriptor in order; may be called from any thread."""

    def __init__(self, descriptor: int, *, capacity: int = MAX_LINES) -> None:
        """The thread starts with the first line; `capacity` counts lines."""
        self.lost = Counter()
        """Counts dropped lines."""
        self._descriptor = descriptor
        self._capacity = capacity
        self._lines: deque[str] = deque()
        self._begun = threading.Lock()
        self._wanted = threading.Event()
        self._urgent = threading.Event()
        self._empty = threading.Condition()
        self._busy = False
        self._thread: threading.Thread | None = None

    def write(self, line: str) -> None:
        """Queue a line without waiting; if the buffer is full, drop and count it."""
        if len(self._lines) >= self._capacity:
            self.lost.inc()
            return
        self._lines.append(line)
        if not self._wanted.is_set():
            self._wake()

    def flush(self, timeout: float = CLOSE_TIMEOUT_S) -> None:
        """Wait until all lines are written, for at most `timeout` seconds."""
        deadline = monotonic() + timeout
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
        content = b""
        while self._lines:
            line = f"{self._lines.popleft()}\n".encode(errors="backslashreplace")
            if content and len(content) + len(line) > PIPE_BUF:
                self._write(content)
                content = b""
            content += line
        self._write(content)

    def _write(self, content: bytes) -> None:
        with suppress(OSError):  # the reader is gone; the service continues
            _write(self._descriptor, content)


def _write(descriptor: int, content: bytes) -> None:
    while content:
        try:
            content = content[os.write(descriptor, content) :]
        except BlockingIOError:  # another process made the shared terminal non-blocking
            select((), (descriptor,), ())
