"""A daemon thread that repeats its work, and does it once more when closed."""

import threading
from collections.abc import Callable


class PeriodicThread:
    """Calls `work`, which must not raise, every `interval_s` seconds."""

    def __init__(self, name: str, work: Callable[[], object], *, interval_s: float) -> None:
        self._name = name
        self._work = work
        self._interval_s = interval_s
        self._ended = threading.Event()
        self._turn = threading.Lock()

    def start(self) -> None:
        """Start the thread."""
        threading.Thread(target=self._run, daemon=True, name=self._name).start()

    def close(self) -> None:
        """Stop, and work a last time in the calling thread."""
        self._ended.set()
        with self._turn:
            self._work()

    def _run(self) -> None:
        while not self._ended.wait(self._interval_s):
            with self._turn:
                self._work()
