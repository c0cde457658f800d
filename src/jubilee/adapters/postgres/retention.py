"""Deletion of expired rows in small batches; locked rows are skipped."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.statement import Statement
from jubilee.domain.retention import ExpiredRows, ExpiringData

DELETE_BATCH = """
    DELETE FROM {table} WHERE ({key}) IN (
        SELECT {key} FROM {table} WHERE {condition}
        ORDER BY {moment} LIMIT CAST(:rows AS integer) FOR UPDATE SKIP LOCKED
    ) RETURNING {key}
"""


def _expired(table: str, *, key: str = "id", moment: str = "expires_at") -> Statement:
    condition = f"{moment} <= now() - CAST(:kept AS interval)"
    return Statement.from_sql(
        DELETE_BATCH, table=table, key=key, moment=moment, condition=condition
    )


DELETE: Mapping[ExpiringData, Statement] = {
    ExpiringData.SESSIONS: _expired("sessions"),
    ExpiringData.PENDING_SIGN_INS: _expired("pending_sign_ins", key="token_hash"),
    ExpiringData.CHALLENGES: _expired("spent_challenges", key="challenge"),
    ExpiringData.TICKETS: _expired("spent_tickets"),
    ExpiringData.INVITES: _expired("invites"),
    ExpiringData.LINKS: _expired("one_time_links"),
    ExpiringData.API_TOKENS: _expired("api_tokens"),
    ExpiringData.ANSWERS: _expired("idempotency_keys", moment="created_at"),
    ExpiringData.EXPORTS: _expired("exports"),
}
DELETE_GREETINGS = Statement.from_sql(
    DELETE_BATCH,
    table="greetings",
    key="user_id, year",
    moment="due_on",
    condition="due_on < CAST(:before AS date)",
)


@dataclass(frozen=True, slots=True)
class PostgresExpiredRows(ExpiredRows):
    """Each call is one statement in autocommit."""

    pool: ConnectionPool

    async def drop(self, data: ExpiringData, *, kept: timedelta = timedelta(), limit: int) -> int:
        async with self.pool.executor() as executor:
            return len(await executor.all(DELETE[data], kept=kept, rows=limit))

    async def drop_greetings(self, before: date, *, limit: int) -> int:
        async with self.pool.executor() as executor:
            return len(await executor.all(DELETE_GREETINGS, before=before, rows=limit))
