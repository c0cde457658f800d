"""Waiting for jobs to end: many wait, one statement asks for all of them."""

import asyncio
from collections.abc import Callable, Collection
from contextlib import suppress
from contextvars import Context
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias
from uuid import UUID

from jubilee.domain.errors import Unavailable
from jubilee.domain.identity import UserId

MAX_WAITING = 1000  # waiters in a process; whoever comes then is told to go on at once
MAX_WAITING_PER_USER = 100  # of them for one account
POLL_INTERVAL_S = 0.1  # seconds between two questions
RETRY_INTERVAL_S = 1.0  # seconds after a question that nobody answered

IsAbandoned: TypeAlias = Callable[[], bool]
"""Whether there is no point in waiting any longer: the service ends."""


class LiveJobReader(Protocol):
    """Which jobs have not ended."""

    async def live(self, ids: Collection[UUID]) -> Collection[UUID]:
        """Those of them that are queued or running; one that is gone has ended."""


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    job_id: UUID
    by: UserId
    is_abandoned: IsAbandoned
    released: asyncio.Event = field(default_factory=asyncio.Event)


class JobWaiter:
    """Asks while somebody waits; holds nothing open in between."""

    def __init__(self, jobs: LiveJobReader) -> None:
        self._jobs = jobs
        self._waiters: set[_Waiting] = set()
        self._asking: asyncio.Task[None] | None = None

    async def wait(
        self, job_id: UUID, seconds: float, is_abandoned: IsAbandoned, *, by: UserId
    ) -> None:
        """Until it has ended, for so long at most; which of the two, the job itself says."""
        if is_abandoned() or not self._has_room(by):
            return
        waiter = _Waiting(job_id, by, is_abandoned)
        self._waiters.add(waiter)
        if self._asking is None:
            # It outlives the request that starts it: what it logs must not bear that one's name.
            self._asking = asyncio.create_task(self._ask(), context=Context())
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await waiter.released.wait()
        finally:
            self._waiters.discard(waiter)

    def _has_room(self, by: UserId) -> bool:
        if len(self._waiters) >= MAX_WAITING:
            return False
        return sum(waiter.by == by for waiter in self._waiters) < MAX_WAITING_PER_USER

    async def _ask(self) -> None:
        try:
            while self._waiters:
                await asyncio.sleep(POLL_INTERVAL_S)
                try:
                    await self._release()
                except Unavailable:
                    await asyncio.sleep(RETRY_INTERVAL_S)
        finally:
            self._asking = None

    async def _release(self) -> None:
        waiting = {waiter for waiter in self._waiters if not waiter.is_abandoned()}
        ids = {waiter.job_id for waiter in waiting}
        live = set(await self._jobs.live(ids)) if ids else set()
        for waiter in list(self._waiters):
            # One that came while the question was asked was not asked for.
            if waiter.is_abandoned() or (waiter in waiting and waiter.job_id not in live):
                waiter.released.set()
