"""The last uses of API tokens and sessions, written for many at once."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Generic

from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.statement import Statement
from jubilee.domain.api_tokens.token import ApiTokenId
from jubilee.domain.identity import SessionId
from jubilee.domain.last_uses import LastUseStore, StoredId

# Another process that stores the same uses holds the locks of their rows: it writes them.
SAVE_TOKENS = Statement.from_sql(
    """
    UPDATE api_tokens SET last_used_at = now() FROM (
        SELECT id FROM api_tokens WHERE id = ANY(CAST(:ids AS uuid[])) FOR UPDATE SKIP LOCKED
    ) AS used WHERE api_tokens.id = used.id
    """
)
# Sessions that are just being rotated or ended are locked, and need no writing.
SAVE_SESSIONS = Statement.from_sql(
    """
    UPDATE sessions SET seen_at = now() FROM (
        SELECT id FROM sessions WHERE id = ANY(CAST(:ids AS uuid[]))
            AND greatest(rotated_at, seen_at) < now() - interval '5 minutes'
        FOR UPDATE SKIP LOCKED
    ) AS used WHERE sessions.id = used.id
    """
)


@dataclass(frozen=True, slots=True)
class PostgresLastUses(LastUseStore[StoredId], Generic[StoredId]):
    """Each call is one statement in autocommit."""

    pool: ConnectionPool
    statement: Statement

    async def save(self, ids: Collection[StoredId]) -> None:
        async with self.pool.executor() as executor:
            await executor.run(self.statement, ids=list(ids))


def token_uses(pool: ConnectionPool) -> PostgresLastUses[ApiTokenId]:
    """Store the last uses of API tokens."""
    return PostgresLastUses(pool, SAVE_TOKENS)


def session_uses(pool: ConnectionPool) -> PostgresLastUses[SessionId]:
    """Store the last uses of sessions."""
    return PostgresLastUses(pool, SAVE_SESSIONS)
