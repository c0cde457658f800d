"""The last uses of API tokens, written for many at once."""

from collections.abc import Collection
from dataclasses import dataclass

from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.statement import Statement
from jubilee.domain.api_tokens.token import ApiTokenId
from jubilee.domain.last_uses import LastUseStore

# Another process that stores the same uses holds the locks of their rows: it writes them.
SAVE = Statement.from_sql(
    """
    UPDATE api_tokens SET last_used_at = now() FROM (
        SELECT id FROM api_tokens WHERE id = ANY(CAST(:ids AS uuid[])) FOR UPDATE SKIP LOCKED
    ) AS used WHERE api_tokens.id = used.id
    """
)


@dataclass(frozen=True, slots=True)
class PostgresLastUses(LastUseStore[ApiTokenId]):
    """Each call is one statement in autocommit."""

    pool: ConnectionPool

    async def save(self, ids: Collection[ApiTokenId]) -> None:
        async with self.pool.executor() as executor:
            await executor.run(SAVE, ids=list(ids))
