"""The heart of a worker: keeps the leases of what it runs, and stops what it has lost."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from time import monotonic
from uuid import UUID

from jubilee.domain.errors import Unavailable
from jubilee.domain.jobs.claims import Beat, Claims, Reference

MARGIN = 0.2  # of the lease: stop before the database may give the job to somebody else


class Interruption(Enum):
    """Why a running job is stopped from outside."""

    LOST = "lost"  # it may be somebody else's: touch nothing
    CANCELLED = "cancelled"  # whoever owns it asked
    DRAINED = "drained"  # this worker ends


@dataclass(slots=True)
class Running:
    """One job under way; `confirmed` is the monotonic time up to which the lease holds."""

    reference: Reference
    task: asyncio.Task[None]
    confirmed: float
    interruption: Interruption | None = None

    def interrupt(self, why: Interruption) -> None:
        """Stop it, once; the first reason counts."""
        if self.interruption is None:
            self.interruption = why
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
    def keeping(self, reference: Reference, task: asyncio.Task[None]) -> Iterator[Running]:
        """Keep the lease for as long as this lasts."""
        running = Running(reference, task, monotonic() + self._lease)
        self._running[reference.id] = running
        try:
            yield running
        finally:
            if self._running.get(reference.id) is running:
                del self._running[reference.id]

    async def beat(self) -> None:
        """Extend all leases; stop what is no longer ours, or cannot be known to be."""
        held = list(self._running.values())
        if not held:
            return
        began = monotonic()
        try:
            async with asyncio.timeout(self.interval):
                beats = await self._claims.beat([running.reference for running in held])
        except (Unavailable, TimeoutError):
            self._stop_unconfirmed(held)
            return
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
        running.confirmed = began + self._lease
        if beat is Beat.CANCEL:
            running.interrupt(Interruption.CANCELLED)

    def _stop_unconfirmed(self, held: list[Running]) -> None:
        # Before the next beat is over, the lease of these may have ended.
        horizon = monotonic() + self.interval + self._lease * MARGIN
        for running in held:
            if running.confirmed < horizon:
                running.interrupt(Interruption.LOST)
