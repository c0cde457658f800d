"""The heart of a worker: keeps the leases of what it runs, and stops what it has lost."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from time import monotonic
from uuid import UUID

from jubilee.domain.errors import Unavailable
from jubilee.domain.jobs.store import Beat, Claims, Reference

MARGIN = 0.2  # of the lease: stop before the database may give the job to somebody else


class Interruption(Enum):
    """Why a running job is stopped from outside."""

    LOST = "lost"  # it may be somebody else's: touch nothing
    CANCELLED = "cancelled"  # whoever owns it asked
    DRAINED = "drained"  # this worker ends
    TOO_SLOW = "too_slow"  # its time is over


@dataclass(slots=True, eq=False)
class Running:
    """One job under way; `confirmed` is the monotonic time up to which the lease holds."""

    reference: Reference
    task: asyncio.Task[None]
    confirmed: float
    interruption: Interruption | None = None
    told: asyncio.Future[None] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    """Done as soon as it was told to stop; whether it does is another matter."""
    timer: asyncio.TimerHandle | None = None

    def interrupt(self, why: Interruption) -> None:
        """Tell it to stop, once; the first reason counts."""
        if self.interruption is None:
            self.interruption = why
            self.told.set_result(None)
            self.task.cancel()


class Heart:
    """Beats for every job that runs in this process, all of them in one statement."""

    def __init__(self, claims: Claims, lease: float) -> None:
        """`lease` counts seconds."""
        self._claims = claims
        self._lease = lease
        self._running: dict[UUID, Running] = {}

    @property
    def interval(self) -> float:
        """Seconds between two beats."""
        return self._lease / 3

    @contextmanager
    def keeping(
        self, reference: Reference, task: asyncio.Task[None], since: float
    ) -> Iterator[Running]:
        """Keep the lease for as long as this lasts; it was asked for at `since`, monotonic."""
        running = Running(reference, task, since + self._lease)
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

    async def beat(self) -> None:
        """Extend all leases; stop what is no longer ours. Raises Unavailable."""
        held = list(self._running.values())
        if not held:
            return
        began = monotonic()
        try:
            async with asyncio.timeout(self.interval):
                beats = await self._claims.beat([running.reference for running in held])
        except TimeoutError as error:
            raise Unavailable from error
        for running in held:
            self._hear(running, beats.get(running.reference.id), began)

    def drain(self) -> None:
        """Interrupt all that still runs: it is given back."""
        for running in list(self._running.values()):
            running.interrupt(Interruption.DRAINED)

    def _hear(self, running: Running, beat: Beat | None, began: float) -> None:
        if beat is None:
            running.interrupt(Interruption.LOST)
            return
        if beat is not Beat.BUSY:
            running.confirmed = began + self._lease
        if beat is Beat.CANCEL:
            running.interrupt(Interruption.CANCELLED)

    def _guard(self, running: Running) -> None:
        """Stop it in time, whatever becomes of the beats."""
        left = running.confirmed - self._lease * MARGIN - monotonic()
        if left <= 0:
            running.interrupt(Interruption.LOST)
        else:
            running.timer = asyncio.get_running_loop().call_later(left, self._guard, running)
