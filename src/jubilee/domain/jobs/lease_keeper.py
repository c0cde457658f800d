"""The heart of a worker: keeps the leases of what it runs, and stops what it has lost."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from time import monotonic
from uuid import UUID

from jubilee.domain.errors import Unavailable
from jubilee.domain.jobs.store import HeartbeatResult, JobReference, JobStore

MARGIN_SHARE = 0.2  # of the lease: stop before the database may give the job to somebody else


class Interruption(Enum):
    """Why a running job is stopped from outside."""

    LOST = "lost"  # it may be somebody else's: touch nothing
    CANCELLED = "cancelled"  # whoever owns it asked
    DRAINED = "drained"  # this worker ends
    TOO_SLOW = "too_slow"  # its time is over


@dataclass(slots=True, eq=False)
class RunningJob:
    """One job under way; `confirmed` is the monotonic time up to which the lease holds."""

    reference: JobReference
    task: asyncio.Task[None]
    confirmed: float
    interruption: Interruption | None = None
    interrupted: asyncio.Future[None] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    """Done as soon as it was told to stop; whether it does is another matter."""
    timer: asyncio.TimerHandle | None = None

    def interrupt(self, why: Interruption) -> None:
        """Tell it to stop, once; the first reason counts."""
        if self.interruption is None:
            self.interruption = why
            self.interrupted.set_result(None)
            self.task.cancel()


class LeaseKeeper:
    """Beats for every job that runs in this process, all of them in one statement."""

    def __init__(self, store: JobStore, lease: float) -> None:
        """`lease` counts seconds."""
        self._store = store
        self._lease = lease
        self._running: dict[UUID, RunningJob] = {}

    @property
    def interval(self) -> float:
        """Seconds between two beats."""
        return self._lease / 3

    @contextmanager
    def hold(
        self, reference: JobReference, task: asyncio.Task[None], since: float
    ) -> Iterator[RunningJob]:
        """Keep the lease for as long as this lasts; it was asked for at `since`, monotonic."""
        running = RunningJob(reference, task, since + self._lease)
        before = self._running.get(reference.id)
        if before is not None:  # an older claim of ours, which has ended without our notice
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
        """Extend all leases; stop what is no longer ours. Raises Unavailable."""
        held = list(self._running.values())
        if not held:
            return
        began = monotonic()
        try:
            async with asyncio.timeout(self.interval):
                beats = await self._store.heartbeat([running.reference for running in held])
        except TimeoutError as error:
            raise Unavailable from error
        for running in held:
            self._apply(running, beats.get(running.reference.id), began)

    def drain(self) -> None:
        """Interrupt all that still runs: it is given back."""
        for running in list(self._running.values()):
            running.interrupt(Interruption.DRAINED)

    def _apply(self, running: RunningJob, beat: HeartbeatResult | None, began: float) -> None:
        if beat is None:
            running.interrupt(Interruption.LOST)
            return
        if beat is not HeartbeatResult.BUSY:
            running.confirmed = began + self._lease
        if beat is HeartbeatResult.CANCEL:
            running.interrupt(Interruption.CANCELLED)

    def _guard(self, running: RunningJob) -> None:
        """Stop it in time, whatever becomes of the beats."""
        left = running.confirmed - self._lease * MARGIN_SHARE - monotonic()
        if left <= 0:
            running.interrupt(Interruption.LOST)
        else:
            running.timer = asyncio.get_running_loop().call_later(left, self._guard, running)
