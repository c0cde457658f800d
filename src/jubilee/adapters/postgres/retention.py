"""Deletion of expired rows in small batches; locked rows are skipped."""

from dataclasses import dataclass
from datetime import date, timedelta

from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.statement import Statement
from jubilee.domain.retention import ExpiredRows

SESSIONS = Statement.from_sql(
    """
    DELETE FROM sessions WHERE id IN (
        SELECT id FROM sessions WHERE expires_at <= now()
        ORDER BY expires_at LIMIT CAST(:rows AS integer) FOR UPDATE SKIP LOCKED
    ) RETURNING id
    """
)
PENDING_SIGN_INS = Statement.from_sql(
    """
    DELETE FROM pending_sign_ins WHERE token_hash IN (
        SELECT token_hash FROM pending_sign_ins WHERE expires_at <= now()
        ORDER BY expires_at LIMIT CAST(:rows AS integer) FOR UPDATE SKIP LOCKED
    ) RETURNING user_id
    """
)
CHALLENGES = Statement.from_sql(
    """
    DELETE FROM spent_challenges WHERE challenge IN (
        SELECT challenge FROM spent_challenges WHERE expires_at <= now()
        ORDER BY expires_at LIMIT CAST(:rows AS integer) FOR UPDATE SKIP LOCKED
    ) RETURNING expires_at
    """
)
GREETINGS = Statement.from_sql(
    """
    DELETE FROM greetings WHERE (user_id, year) IN (
        SELECT user_id, year FROM greetings WHERE due_on < CAST(:before AS date)
        ORDER BY due_on LIMIT CAST(:rows AS integer) FOR UPDATE SKIP LOCKED
    ) RETURNING year
    """
)
ANSWERS = Statement.from_sql(
    """
    DELETE FROM idempotency_keys WHERE id IN (
        SELECT id FROM idempotency_keys WHERE created_at < now() - CAST(:kept AS interval)
        ORDER BY created_at LIMIT CAST(:rows AS integer) FOR UPDATE SKIP LOCKED
    ) RETURNING id
    """
)
EXPORTS = Statement.from_sql(
    """
    DELETE FROM exports WHERE id IN (
        SELECT id FROM exports WHERE expires_at <= now()
        ORDER BY expires_at LIMIT CAST(:rows AS integer) FOR UPDATE SKIP LOCKED
    ) RETURNING id
    """
)
TICKETS = Statement.from_sql(
    """
    DELETE FROM spent_tickets WHERE id IN (
        SELECT id FROM spent_tickets WHERE expires_at <= now()
        ORDER BY expires_at LIMIT CAST(:rows AS integer) FOR UPDATE SKIP LOCKED
    ) RETURNING id
    """
)

INVITES = Statement.from_sql(
    """
    DELETE FROM invites WHERE id IN (
        SELECT id FROM invites WHERE expires_at <= now()
        ORDER BY expires_at LIMIT CAST(:rows AS integer) FOR UPDATE SKIP LOCKED
    ) RETURNING id
    """
)

LINKS = Statement.from_sql(
    """
    DELETE FROM one_time_links WHERE id IN (
        SELECT id FROM one_time_links WHERE expires_at < now() - CAST(:kept AS interval)
        ORDER BY expires_at LIMIT CAST(:rows AS integer) FOR UPDATE SKIP LOCKED
    ) RETURNING id
    """
)
API_TOKENS = Statement.from_sql(
    """
    DELETE FROM api_tokens WHERE id IN (
        SELECT id FROM api_tokens WHERE expires_at < now() - CAST(:kept AS interval)
        ORDER BY expires_at LIMIT CAST(:rows AS integer) FOR UPDATE SKIP LOCKED
    ) RETURNING id
    """
)


@dataclass(frozen=True, slots=True)
class PostgresExpiredRows(ExpiredRows):
    """Each call is one statement in autocommit."""

    pool: ConnectionPool

    async def drop_sessions(self, *, limit: int) -> int:
        async with self.pool.executor() as executor:
            return len(await executor.all(SESSIONS, rows=limit))

    async def drop_tickets(self, *, limit: int) -> int:
        async with self.pool.executor() as executor:
            return len(await executor.all(TICKETS, rows=limit))

    async def drop_pending_sign_ins(self, *, limit: int) -> int:
        async with self.pool.executor() as executor:
            return len(await executor.all(PENDING_SIGN_INS, rows=limit))

    async def drop_invites(self, *, limit: int) -> int:
        async with self.pool.executor() as executor:
            return len(await executor.all(INVITES, rows=limit))

    async def drop_challenges(self, *, limit: int) -> int:
        async with self.pool.executor() as executor:
            return len(await executor.all(CHALLENGES, rows=limit))

    async def drop_greetings(self, before: date, *, limit: int) -> int:
        async with self.pool.executor() as executor:
            return len(await executor.all(GREETINGS, before=before, rows=limit))

    async def drop_answers(self, *, kept: timedelta, limit: int) -> int:
        async with self.pool.executor() as executor:
            return len(await executor.all(ANSWERS, kept=kept, rows=limit))

    async def drop_links(self, *, kept: timedelta, limit: int) -> int:
        async with self.pool.executor() as executor:
            return len(await executor.all(LINKS, kept=kept, rows=limit))

    async def drop_api_tokens(self, *, kept: timedelta, limit: int) -> int:
        async with self.pool.executor() as executor:
            return len(await executor.all(API_TOKENS, kept=kept, rows=limit))

    async def drop_exports(self, *, limit: int) -> int:
        async with self.pool.executor() as executor:
            return len(await executor.all(EXPORTS, rows=limit))
