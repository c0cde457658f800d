"""Deadlines of many tasks with a single timer."""

import asyncio
from asyncio import Task, TimerHandle
from time import monotonic
from typing import Any


class Deadline:
    """When one use of a connection must have ended; as `asyncio.timeout`, but without its timer."""

    __slots__ = ("_cancelling", "_task", "at", "is_over")

    def __init__(self, at: float) -> None:
        """`at` is by `time.monotonic`; the current task is cancelled then."""
        task = asyncio.current_task()
        assert task is not None, "a deadline is that of a task"
        self.at = at
        self.is_over = False
        self._task: Task[Any] = task
        self._cancelling = task.cancelling()

    def expire(self) -> None:
        """Cancel the task, whose time is up."""
        self.is_over = True
        self._task.cancel()

    def explains(self, error: BaseException | None) -> bool:
        """Return whether the cancellation that ends the use is that of `expire` alone."""
        if not self.is_over:
            return False
        is_own = self._task.uncancel() <= self._cancelling
        return is_own and isinstance(error, asyncio.CancelledError)


class Deadlines:
    """The deadlines of the uses of a pool.

    The timer is set to the earliest deadline and looks at all of them, so that a use that ends in
    time sets none.
    """

    def __init__(self) -> None:
        self._open: set[Deadline] = set()
        self._timer: TimerHandle | None = None
        self._wakes_at = 0.0

    def add(self, deadline: Deadline) -> None:
        """Watch the deadline until it is removed."""
        self._open.add(deadline)
        if self._timer is None or deadline.at < self._wakes_at:
            self._set_timer(deadline.at)

    def remove(self, deadline: Deadline) -> None:
        """Stop watching the deadline."""
        self._open.discard(deadline)

    def _set_timer(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._wakes_at = at
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(max(at - monotonic(), 0), self._check)

    def _check(self) -> None:
        self._timer, now = None, monotonic()
        for deadline in [each for each in self._open if each.at <= now]:
            self._open.discard(deadline)
            deadline.expire()
        if self._open:
            self._set_timer(min(each.at for each in self._open))
