"""Signals for a program without an event loop: waits that a signal ends early."""

import contextlib
import os
import select
import signal
from collections.abc import Callable
from types import FrameType
from typing import Any, Self, TypeAlias

SignalHandler: TypeAlias = Callable[[int, FrameType | None], Any] | int | signal.Handlers | None
"""What `signal.signal` takes and returns."""

STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequested(Exception):
    """A signal asked this program to end."""


class SignalWaiter:
    """While entered, SIGINT, SIGTERM and SIGHUP are requests to end, noticed in `pause`.

    Only the main thread can enter. `requests` counts the requests to end, `restarts` those to
    restart (SIGUSR1); SIGCHLD ends a wait too.
    """

    def __init__(self) -> None:
        """Install no handler yet: `__enter__` does."""
        self.requests = 0
        self.restarts = 0
        self._before: dict[signal.Signals, SignalHandler] = {}

    def __enter__(self) -> Self:
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)
        self._wakeup = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        self._handle(signal.SIGCHLD)
        self._handle(signal.SIGUSR1)
        for number in STOP:
            # Under nohup SIGHUP is ignored, and stays so.
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                self._handle(number)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup)
        os.close(self._read)
        os.close(self._write)

    def pause(self, seconds: float) -> None:
        """Wait up to `seconds`. Raises StopRequested once a signal has asked for the end."""
        if not self.requests:
            self.wait(seconds)
        if self.requests:
            raise StopRequested

    def wait(self, seconds: float) -> None:
        """Wait up to `seconds`, or until any signal arrives."""
        select.select([self._read], [], [], seconds)
        with contextlib.suppress(BlockingIOError):
            os.read(self._read, 4096)

    def _handle(self, number: signal.Signals) -> None:
        self._before[number] = signal.signal(number, self._note)

    def _note(self, number: int, _: FrameType | None) -> None:
        if number == signal.SIGUSR1:
            self.restarts += 1
        elif number != signal.SIGCHLD:
            self.requests += 1
