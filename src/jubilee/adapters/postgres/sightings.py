"""The last use of sessions, written for many at once."""

from collections.abc import Collection
from dataclasses import dataclass

from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.statement import Statement
from jubilee.domain.identity import SessionId
from jubilee.domain.last_uses import LastUseStore

# Sessions that are just being rotated or ended are locked, and need no writing.
SAVE = Statement.from_sql(
    """
    UPDATE sessions SET seen_at = now() FROM (
        SELECT id FROM sessions WHERE id = ANY(CAST(:ids AS uuid[]))
            AND greatest(rotated_at, seen_at) < now() - interval '5 minutes'
        FOR UPDATE SKIP LOCKED
    ) AS used WHERE sessions.id = used.id
    """
)


@dataclass(frozen=True, slots=True)
class PostgresSightings(LastUseStore[SessionId]):
    """Each call is one statement in autocommit."""

    pool: ConnectionPool

    async def save(self, ids: Collection[SessionId]) -> None:
        async with self.pool.executor() as executor:
            await executor.run(SAVE, ids=list(ids))
