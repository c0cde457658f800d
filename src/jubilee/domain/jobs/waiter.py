"""Waiting for jobs to end: one polling statement for all waiting requests."""

import asyncio
from collections.abc import Callable, Collection
from contextlib import suppress
from contextvars import Context
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias
from uuid import UUID

from jubilee.domain.errors import Unavailable
from jubilee.domain.identity import UserId

MAX_WAITERS = 1000  # in a process; further calls return at once
MAX_WAITERS_PER_USER = 100
POLL_INTERVAL_S = 0.1
RETRY_INTERVAL_S = 1.0  # after the database did not answer

IsAbandoned: TypeAlias = Callable[[], bool]
"""Returns whether to stop waiting because the service shuts down."""


# Ports


class LiveJobReader(Protocol):
    """Reads which jobs have not ended."""

    async def live(self, ids: Collection[UUID]) -> Collection[UUID]:
        """Return the ids of the jobs that are queued or running; a deleted job has ended."""


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    job_id: UUID
    by: UserId
    is_abandoned: IsAbandoned
    released: asyncio.Event = field(default_factory=asyncio.Event)


class JobWaiter:
    """Polls while there are waiters; holds no connection in between."""

    def __init__(self, jobs: LiveJobReader) -> None:
        self._jobs = jobs
        self._waiters: set[_Waiting] = set()
        self._polling: asyncio.Task[None] | None = None

    async def wait(
        self, job_id: UUID, seconds: float, is_abandoned: IsAbandoned, *, by: UserId
    ) -> None:
        """Return when the job has ended, or after `seconds`; read the job to tell which."""
        if is_abandoned() or not self._has_room(by):
            return
        waiter = _Waiting(job_id, by, is_abandoned)
        self._waiters.add(waiter)
        if self._polling is None:
            # The task outlives the request that starts it: do not log with its context.
            self._polling = asyncio.create_task(self._poll(), context=Context())
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await waiter.released.wait()
        finally:
            self._waiters.discard(waiter)

    def _has_room(self, by: UserId) -> bool:
        if len(self._waiters) >= MAX_WAITERS:
            return False
        return sum(waiter.by == by for waiter in self._waiters) < MAX_WAITERS_PER_USER

    async def _poll(self) -> None:
        try:
            while self._waiters:
                await asyncio.sleep(POLL_INTERVAL_S)
                try:
                    await self._release()
                except Unavailable:
                    await asyncio.sleep(RETRY_INTERVAL_S)
        finally:
            self._polling = None

    async def _release(self) -> None:
        waiting = {waiter for waiter in self._waiters if not waiter.is_abandoned()}
        ids = {waiter.job_id for waiter in waiting}
        live = set(await self._jobs.live(ids)) if ids else set()
        for waiter in list(self._waiters):
            # A waiter added during the statement was not part of it.
            if waiter.is_abandoned() or (waiter in waiting and waiter.job_id not in live):
                waiter.released.set()
