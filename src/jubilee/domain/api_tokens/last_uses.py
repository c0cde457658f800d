"""When tokens were last used: noted by requests in memory, written at intervals."""

import asyncio
from collections.abc import Collection
from contextlib import suppress
from typing import Protocol

from jubilee.domain.api_tokens.token import ApiTokenId
from jubilee.domain.errors import Unavailable

INTERVAL_S = 30.0
MAX_NOTED = 10_000  # of a process between two writes; those beyond it are noted by their next use


# Ports


class LastUseStore(Protocol):
    """Stores when tokens were used."""

    async def save(self, token_ids: Collection[ApiTokenId]) -> None:
        """Store that they were used now; rows that are locked are skipped."""


class LastUses:
    """Notes the tokens of requests; what is not written when the process dies is lost."""

    def __init__(self, store: LastUseStore) -> None:
        self._store = store
        self._noted: set[ApiTokenId] = set()

    def note(self, token_id: ApiTokenId) -> None:
        """Note that the token is used; never waits, never raises."""
        if len(self._noted) < MAX_NOTED:
            self._noted.add(token_id)

    async def flush(self) -> None:
        """Write what was noted by one statement; raises Unavailable."""
        noted, self._noted = self._noted, set()
        if noted:
            await self._store.save(noted)

    async def run(self) -> None:
        """Flush at intervals until cancelled; what an outage prevents is noted again by use."""
        while True:
            await asyncio.sleep(INTERVAL_S)
            with suppress(Unavailable):
                await self.flush()


def ignore_use(_: ApiTokenId) -> None:
    """Do nothing, where uses are not recorded: in commands."""
