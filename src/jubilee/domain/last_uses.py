"""When credentials were last used: noted by requests in memory, written at intervals."""

import asyncio
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar
from uuid import UUID

from jubilee.domain.errors import Unavailable

Id = TypeVar("Id", bound=UUID)
StoredId = TypeVar("StoredId", bound=UUID, contravariant=True)


@dataclass(frozen=True, slots=True)
class NoteLimits:
    """How often noted uses are written, and how many at once.

    Beyond `max_noted` ids between two writes, a process notes a use only after the next write.
    """

    interval_s: float
    max_noted: int
    batch_size: int


TOKEN_USES = NoteLimits(interval_s=30, max_noted=10_000, batch_size=10_000)
SESSION_USES = NoteLimits(interval_s=60, max_noted=50_000, batch_size=500)


# Ports


class LastUseStore(Protocol[StoredId]):
    """Stores when credentials were used."""

    async def save(self, ids: Collection[StoredId]) -> None:
        """Store that they were used now; rows that are locked are skipped."""


class LastUses(Generic[Id]):
    """Notes what requests use; what is not written when the process dies is lost."""

    def __init__(self, store: LastUseStore[Id], limits: NoteLimits) -> None:
        self._store = store
        self._limits = limits
        self._noted: set[Id] = set()

    def note(self, used: Id) -> None:
        """Note a use; never waits, never raises."""
        if len(self._noted) < self._limits.max_noted:
            self._noted.add(used)

    async def flush(self) -> None:
        """Write what was noted; raises Unavailable."""
        noted, self._noted = list(self._noted), set()
        size = self._limits.batch_size
        for first in range(0, len(noted), size):
            await self._store.save(noted[first : first + size])

    async def run(self) -> None:
        """Flush at intervals until cancelled; what an outage prevents is noted again by use."""
        while True:
            await asyncio.sleep(self._limits.interval_s)
            with suppress(Unavailable):
                await self.flush()


def ignore_use(_: UUID) -> None:
    """Do nothing, where uses are not recorded: in commands."""
