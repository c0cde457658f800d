"""What nobody needs any more leaves in small batches."""

from datetime import date, timedelta

from sqlalchemy import func, select, text

from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.retention import PostgresExpiredRows
from jubilee.adapters.postgres.statement import Executor, Statement
from jubilee.adapters.postgres.tables import greetings, sessions
from jubilee.adapters.postgres.transaction import WriteContext, transactions
from jubilee.domain.greetings.greeting import GreetingKey, PlannedGreeting
from jubilee.domain.retention import BATCH_SIZE, Retention
from tests.contracts.accounts import DAY, NOW, a_session, a_user, kept, opened
from tests.contracts.conftest import Database
from tests.fakes.store import FakeClock

SESSIONS = Statement(select(func.count()).select_from(sessions))
YEARS = Statement(select(greetings.c.year).order_by(greetings.c.year))
LOCK_ALL = Statement(text("SELECT FROM sessions FOR UPDATE"))


async def left(pool: ConnectionPool) -> int:
    async with pool.connection() as driver:
        row = await Executor(driver).first(SESSIONS)
    assert row is not None
    return int(row[0])


def a_database(pool: ConnectionPool) -> Database:
    write = transactions(pool, WriteContext(lambda: NOW, new_id, lambda: None))
    return Database(write, write)


async def test_expired_sessions_leave_batch_by_batch(pool: ConnectionPool) -> None:
    database, zoe = a_database(pool), a_user("zoe")
    await kept(database, zoe)
    await opened(database, *(a_session(zoe, expires_at=NOW - DAY) for _ in range(5)))
    await opened(database, a_session(zoe))
    leftovers = PostgresExpiredRows(pool)
    assert [await leftovers.drop_sessions(limit=3) for _ in range(3)] == [3, 2, 0]
    assert await left(pool) == 1


async def test_what_somebody_has_locked_is_left(pool: ConnectionPool) -> None:
    database, zoe = a_database(pool), a_user("zoe")
    await kept(database, zoe)
    await opened(database, a_session(zoe, expires_at=NOW - DAY))
    async with database.write() as tx:
        await tx.executor.all(LOCK_ALL)
        assert await PostgresExpiredRows(pool).drop_sessions(limit=3) == 0
    assert await PostgresExpiredRows(pool).drop_sessions(limit=3) == 1


async def test_greetings_are_kept_for_three_years(pool: ConnectionPool, clock: FakeClock) -> None:
    database, zoe = a_database(pool), a_user("zoe")
    await kept(database, zoe)
    days = [date(year, 11, 20) for year in range(2020, 2027)]
    async with database.write() as tx:
        for day in days:
            key = GreetingKey(zoe.id, day.year)
            await tx.greetings.add([PlannedGreeting(key=key, due_on=day, due_at=NOW)], at=NOW)
    clock.tick(days=-1)
    retention = Retention(PostgresExpiredRows(pool), clock)
    assert [await retention.sweep() for _ in range(2)] == [3, 0]
    async with pool.connection() as driver:
        kept_years = [row["year"] for row in await Executor(driver).all(YEARS)]
    assert kept_years == [2023, 2024, 2025, 2026]


async def test_one_sweep_takes_no_more_than_a_batch(pool: ConnectionPool, clock: FakeClock) -> None:
    database, zoe = a_database(pool), a_user("zoe")
    await kept(database, zoe)
    expired = NOW - timedelta(minutes=1)
    await opened(database, *(a_session(zoe, expires_at=expired) for _ in range(BATCH_SIZE + 1)))
    retention = Retention(PostgresExpiredRows(pool), clock)
    assert [await retention.sweep() for _ in range(3)] == [BATCH_SIZE, 1, 0]
