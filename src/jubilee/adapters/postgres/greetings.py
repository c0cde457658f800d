"""Birthday greetings, as rows; the key of account and year decides between concurrent writers."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from asyncpg import Record
from sqlalchemy import bindparam, select, update

from jubilee.adapters.postgres.core_statement import core_statement
from jubilee.adapters.postgres.counter_names import PLANNED_UNTIL
from jubilee.adapters.postgres.statement import Executor, Statement
from jubilee.adapters.postgres.tables import counters, greetings
from jubilee.domain.greetings.greeting import (
    CandidateQuery,
    Celebrant,
    GreetingKey,
    GreetingRepository,
    GreetingState,
    NotSentReason,
    PlannedGreeting,
    PlanningProgressStore,
)
from jubilee.domain.identity import UserId

NO_ID = UUID(int=0)

READ_PROGRESS = core_statement(select(counters.c.value).where(counters.c.name == PLANNED_UNTIL))
WRITE_PROGRESS = core_statement(
    update(counters).where(counters.c.name == PLANNED_UNTIL), columns=["value"]
)
# Accounts and greetings are looked up by key for each birthday: a join might read whole tables.
# LIMIT and count(*) keep the planner from joining them.
CANDIDATES = Statement.from_sql(
    """
    SELECT user_id, date_of_birth, time_zone
    FROM birthdays CROSS JOIN LATERAL (
        SELECT FROM users
        WHERE users.id = birthdays.user_id AND is_active AND birthday_greeting LIMIT 1
    ) AS greeted
    WHERE month_day = CAST(:month_day AS smallint) AND user_id > CAST(:after AS uuid)
        AND date_of_birth < CAST(:day AS date)
        AND coalesce(time_zone, CAST(:default_zone AS text)) <> ALL(CAST(:idle AS text[]))
        AND (
            SELECT count(*) FROM greetings
            WHERE greetings.user_id = birthdays.user_id AND year = CAST(:year AS smallint)
                AND (state <> 'skipped' OR due_on = CAST(:day AS date))
        ) = 0
    ORDER BY user_id LIMIT CAST(:rows AS integer)
    """
)
# The accounts are locked against deletion, which would delete their greetings as well.
ADD = Statement.from_sql(
    """
    INSERT INTO greetings (user_id, year, state, reason, due_on, due_at, created_at)
    SELECT users.id, due.year, due.state, due.reason, due.due_on, due.due_at,
        CAST(:at AS timestamptz)
    FROM unnest(
        CAST(:ids AS uuid[]), CAST(:years AS smallint[]), CAST(:states AS text[]),
        CAST(:reasons AS text[]), CAST(:days AS date[]), CAST(:moments AS timestamptz[])
    ) AS due (user_id, year, state, reason, due_on, due_at)
    JOIN users ON users.id = due.user_id
    ORDER BY users.id FOR KEY SHARE OF users
    ON CONFLICT (user_id, year) DO UPDATE SET state = excluded.state, reason = excluded.reason,
        due_on = excluded.due_on, due_at = excluded.due_at, created_at = excluded.created_at
    WHERE greetings.state = 'skipped' AND greetings.due_on <> excluded.due_on
    RETURNING user_id
    """
)
ONE = (greetings.c.user_id == bindparam("key_user"), greetings.c.year == bindparam("key_year"))
LOCK = core_statement(select(greetings).where(*ONE).with_for_update())
SAVE = core_statement(
    update(greetings).where(*ONE), columns=["state", "reason", "message_id", "sent_at"]
)
PARK_OPEN = Statement.from_sql(
    """
    UPDATE greetings SET state = 'uncertain' WHERE state IN ('planned', 'sending')
    RETURNING user_id
    """
)


@dataclass(frozen=True, slots=True)
class PostgresGreetings(GreetingRepository, PlanningProgressStore):
    """Reads and writes greetings and the progress of planning."""

    executor: Executor

    async def planned_until(self) -> datetime | None:
        row = await self.executor.first(READ_PROGRESS)
        return datetime.fromtimestamp(row["value"], UTC) if row and row["value"] else None

    async def set_planned_until(self, instant: datetime) -> None:
        await self.executor.run(WRITE_PROGRESS, value=int(instant.timestamp()))

    async def candidates(
        self, query: CandidateQuery, *, after: UUID | None, limit: int
    ) -> Sequence[Celebrant]:
        rows = await self.executor.all(
            CANDIDATES,
            month_day=query.month_day,
            day=query.day,
            year=query.day.year,
            idle=list(query.idle_zones),
            default_zone=query.default_zone,
            after=after or NO_ID,
            rows=limit,
        )
        return [Celebrant(UserId(r["user_id"]), r["date_of_birth"], r["time_zone"]) for r in rows]

    async def add(
        self, greetings: Sequence[PlannedGreeting], *, at: datetime
    ) -> Collection[UserId]:
        rows = await self.executor.all(
            ADD,
            ids=[one.key.user_id for one in greetings],
            years=[one.key.year for one in greetings],
            states=[one.state.value for one in greetings],
            reasons=[_reason(one) for one in greetings],
            days=[one.due_on for one in greetings],
            moments=[one.due_at for one in greetings],
            at=at,
        )
        return {UserId(row["user_id"]) for row in rows}

    async def lock(self, key: GreetingKey) -> PlannedGreeting | None:
        row = await self.executor.first(LOCK, key_user=key.user_id, key_year=key.year)
        return None if row is None else _greeting(row)

    async def park_open(self) -> int:
        return len(await self.executor.all(PARK_OPEN))

    async def save(self, greeting: PlannedGreeting) -> None:
        await self.executor.run(
            SAVE,
            key_user=greeting.key.user_id,
            key_year=greeting.key.year,
            state=greeting.state.value,
            reason=_reason(greeting),
            message_id=greeting.message_id,
            sent_at=greeting.sent_at,
        )


def _reason(greeting: PlannedGreeting) -> str | None:
    return None if greeting.reason is None else greeting.reason.value


def _greeting(row: Record) -> PlannedGreeting:
    return PlannedGreeting(
        key=GreetingKey(UserId(row["user_id"]), row["year"]),
        due_on=row["due_on"],
        due_at=row["due_at"],
        state=GreetingState(row["state"]),
        reason=None if row["reason"] is None else NotSentReason(row["reason"]),
        message_id=row["message_id"],
        sent_at=row["sent_at"],
    )
