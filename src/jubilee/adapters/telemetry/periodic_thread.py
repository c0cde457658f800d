"""A thread that does its work every few seconds, and once more at the end."""

import threading
from collections.abc import Callable


class PeriodicThread:
    """`work` must not raise; nobody waits for it."""

    def __init__(self, name: str, work: Callable[[], object], *, every: float) -> None:
        """`every` counts seconds."""
        self._name = name
        self._work = work
        self._every = every
        self._ended = threading.Event()
        self._turn = threading.Lock()

    def start(self) -> None:
        """Work in the background, from now on."""
        threading.Thread(target=self._run, daemon=True, name=self._name).start()

    def close(self) -> None:
        """Work a last time."""
        self._ended.set()
        with self._turn:
            self._work()

    def _run(self) -> None:
        while not self._ended.wait(self._every):
            with self._turn:
                self._work()
