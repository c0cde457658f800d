"""Remembers, for every caller, up to which position of the log its writes reach."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import asyncpg

from jubilee.adapters.postgres.errors import AWAY
from jubilee.adapters.postgres.statement import Executor, Statement

UNKNOWN = (1 << 53) - 1
"""Later than every position: reads go to the primary. Redis keeps positions as doubles."""

# Past the end of the commit's record, also where synchronous_commit is off.
COMMITTED = Statement.from_sql(
    "SELECT CAST(pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') AS bigint) AS position"
)

logger = logging.getLogger(__name__)


class WritePositionStore(Protocol):
    """Positions of the last writes, shared by all instances; bounded in time, never raises.

    It may forget a position once every replica that serves has replayed it.
    """

    async def record(self, caller: str, position: int) -> None:
        """Keep the position if it is later than the one that is kept."""

    async def last(self, caller: str) -> int:
        """Return the position of the caller's last write; 0 if none is kept, or UNKNOWN."""


@dataclass(frozen=True, slots=True)
class WriteLog:
    """Called after each commit, on its connection."""

    caller: Callable[[], str | None]
    """Returns who makes the current request; None for anonymous requests and for jobs."""
    positions: WritePositionStore

    async def committed(self, executor: Executor) -> None:
        """Record the position; the commit stands, so a connection that breaks now is no error."""
        caller = self.caller()
        if caller is None:
            return
        position = UNKNOWN
        try:
            row = await executor.first(COMMITTED)
        except (*AWAY, asyncpg.PostgresError):
            logger.warning("the position of a write is unknown")
        else:
            position = row["position"] if row is not None else UNKNOWN
        await self.positions.record(caller, position)
