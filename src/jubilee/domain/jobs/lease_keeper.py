"""The lease keeper: extends the leases of running jobs and interrupts those that are lost."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from uuid import UUID

from jubilee.domain.clock import Monotonic
from jubilee.domain.errors import Unavailable
from jubilee.domain.jobs.store import HeartbeatResult, JobReference, JobStore

MARGIN_RATIO = 0.2  # of the lease: stop before another worker may claim the job


class Interruption(Enum):
    """Why a running job is interrupted."""

    LOST = "lost"  # another worker may have claimed it: write nothing
    CANCELLED = "cancelled"  # its owner cancelled it
    DRAINED = "drained"  # the worker shuts down
    TOO_SLOW = "too_slow"  # its timeout has passed


@dataclass(slots=True, eq=False)
class RunningJob:
    """A running job; `lease_until` is the monotonic time at which its lease ends."""

    reference: JobReference
    task: asyncio.Task[None]
    lease_until: float
    interruption: Interruption | None = None
    interrupted: asyncio.Future[None] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    """Done as soon as the job is interrupted, even if the task does not stop."""
    timer: asyncio.TimerHandle | None = None

    def interrupt(self, reason: Interruption) -> None:
        """Cancel the task, once; the first reason is kept."""
        if self.interruption is None:
            self.interruption = reason
            self.interrupted.set_result(None)
            self.task.cancel()


class LeaseKeeper:
    """Extends the leases of all jobs that run in this process with one statement."""

    def __init__(self, store: JobStore, lease: float, monotonic: Monotonic) -> None:
        """`lease` is its length in seconds."""
        self.monotonic = monotonic
        self._store = store
        self._lease = lease
        self._running: dict[UUID, RunningJob] = {}

    @property
    def interval(self) -> float:
        """Seconds between two heartbeats."""
        return self._lease / 3

    @contextmanager
    def hold(
        self, reference: JobReference, task: asyncio.Task[None], since: float
    ) -> Iterator[RunningJob]:
        """Keep the lease, claimed at monotonic time `since`, until the block ends."""
        running = RunningJob(reference, task, since + self._lease)
        before = self._running.get(reference.id)
        if before is not None:  # an earlier claim, whose lease ended unnoticed
            before.interrupt(Interruption.LOST)
        self._running[reference.id] = running
        self._guard(running)
        try:
            yield running
        finally:
            if running.timer is not None:
                running.timer.cancel()
            if self._running.get(reference.id) is running:
                del self._running[reference.id]

    async def heartbeat(self) -> None:
        """Extend all leases; interrupt the jobs whose lease is lost. Raises Unavailable."""
        held = list(self._running.values())
        if not held:
            return
        began = self.monotonic()
        try:
            async with asyncio.timeout(self.interval):
                results = await self._store.heartbeat([running.reference for running in held])
        except TimeoutError as error:
            raise Unavailable from error
        for running in held:
            self._apply(running, results.get(running.reference.id), began)

    def drain(self) -> None:
        """Interrupt all running jobs: they are given back."""
        for running in list(self._running.values()):
            running.interrupt(Interruption.DRAINED)

    def _apply(self, running: RunningJob, result: HeartbeatResult | None, began: float) -> None:
        if result is None:
            running.interrupt(Interruption.LOST)
            return
        if result is not HeartbeatResult.BUSY:
            running.lease_until = began + self._lease
        if result is HeartbeatResult.CANCEL:
            running.interrupt(Interruption.CANCELLED)

    def _guard(self, running: RunningJob) -> None:
        """Interrupt the job before its lease ends, even if heartbeats fail."""
        left = running.lease_until - self._lease * MARGIN_RATIO - self.monotonic()
        if left <= 0:
            running.interrupt(Interruption.LOST)
        else:
            running.timer = asyncio.get_running_loop().call_later(left, self._guard, running)
