"""When sessions were last used: noted by requests in memory, written at intervals."""

import asyncio
from collections.abc import Collection
from contextlib import suppress
from typing import Protocol

from jubilee.domain.errors import Unavailable
from jubilee.domain.identity import SessionId

INTERVAL_S = 60.0
MAX_NOTED = 50_000  # of a process between two writes; those beyond it are not noted
BATCH_SIZE = 500


# Ports


class SightingStore(Protocol):
    """Stores when sessions were used."""

    async def save(self, session_ids: Collection[SessionId]) -> None:
        """Store that they were used now, unless that is known to within a few minutes."""


class SessionSightings:
    """Notes the sessions of requests; what is not written when the process dies is lost."""

    def __init__(self, store: SightingStore) -> None:
        self._store = store
        self._noted: set[SessionId] = set()

    def note(self, session_id: SessionId) -> None:
        """Note that the session is used; costs a request no more than this."""
        if len(self._noted) < MAX_NOTED:
            self._noted.add(session_id)

    async def flush(self) -> None:
        """Write what was noted; raises Unavailable."""
        noted, self._noted = list(self._noted), set()
        for first in range(0, len(noted), BATCH_SIZE):
            await self._store.save(noted[first : first + BATCH_SIZE])

    async def run(self) -> None:
        """Flush at intervals until cancelled; what an outage prevents is noted again by use."""
        while True:
            await asyncio.sleep(INTERVAL_S)
            with suppress(Unavailable):
                await self.flush()


def ignore_sighting(_: SessionId) -> None:
    """Do nothing, where uses are not recorded: in commands."""
