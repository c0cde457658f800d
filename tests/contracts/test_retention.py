"""Deleting expired rows in small batches."""

from datetime import date, timedelta

from sqlalchemy import func, select

from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.core_statement import core_statement
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.retention import PostgresExpiredRows
from jubilee.adapters.postgres.statement import Executor, Statement
from jubilee.adapters.postgres.tables import greetings, sessions
from jubilee.adapters.postgres.transaction import transactions
from jubilee.adapters.postgres.write_context import WriteContext
from jubilee.domain.auth.pending import PendingSignIn
from jubilee.domain.greetings.greeting import GreetingKey, PlannedGreeting
from jubilee.domain.retention import BATCH_SIZE, ExpiringData, Retention
from tests.contracts.accounts import DAY, NOW, add_sessions, add_users, make_session, make_user
from tests.contracts.conftest import Database
from tests.fakes.store import FakeClock

SESSIONS = core_statement(select(func.count()).select_from(sessions))
YEARS = core_statement(select(greetings.c.year).order_by(greetings.c.year))
LOCK_ALL = Statement.from_sql("SELECT FROM sessions FOR UPDATE")


async def count_sessions(pool: ConnectionPool) -> int:
    async with pool.connection() as driver:
        row = await Executor(driver).first(SESSIONS)
    assert row is not None
    return int(row[0])


def make_database(pool: ConnectionPool) -> Database:
    write = transactions(pool, WriteContext(lambda: NOW, new_id, lambda: None))
    return Database(write, write)


async def test_expired_sessions_are_deleted_in_batches(pool: ConnectionPool) -> None:
    database, zoe = make_database(pool), make_user("zoe")
    await add_users(database, zoe)
    await add_sessions(database, *(make_session(zoe, expires_at=NOW - DAY) for _ in range(5)))
    await add_sessions(database, make_session(zoe))
    expired = PostgresExpiredRows(pool)
    assert [await expired.drop(ExpiringData.SESSIONS, limit=3) for _ in range(3)] == [3, 2, 0]
    assert await count_sessions(pool) == 1


async def test_locked_sessions_are_skipped(pool: ConnectionPool) -> None:
    database, zoe = make_database(pool), make_user("zoe")
    await add_users(database, zoe)
    await add_sessions(database, make_session(zoe, expires_at=NOW - DAY))
    async with database.write() as tx:
        await tx.executor.all(LOCK_ALL)
        assert await PostgresExpiredRows(pool).drop(ExpiringData.SESSIONS, limit=3) == 0
    assert await PostgresExpiredRows(pool).drop(ExpiringData.SESSIONS, limit=3) == 1


async def test_expired_sign_ins_without_their_factor_are_deleted(pool: ConnectionPool) -> None:
    database, zoe = make_database(pool), make_user("zoe")
    await add_users(database, zoe)
    for token, expires_at in ((b"old", NOW - DAY), (b"new", NOW + DAY)):
        row = PendingSignIn(
            token_hash=token, user_id=zoe.id, password_digest=b"", expires_at=expires_at
        )
        async with database.write() as tx:
            await tx.pending_sign_ins.add(row, now=NOW - 2 * DAY)
    expired, data = PostgresExpiredRows(pool), ExpiringData.PENDING_SIGN_INS
    assert [await expired.drop(data, limit=3) for _ in range(2)] == [1, 0]


async def test_greetings_are_kept_for_three_years(pool: ConnectionPool, clock: FakeClock) -> None:
    database, zoe = make_database(pool), make_user("zoe")
    await add_users(database, zoe)
    days = [date(year, 11, 20) for year in range(2020, 2027)]
    async with database.write() as tx:
        for day in days:
            key = GreetingKey(zoe.id, day.year)
            await tx.greetings.add([PlannedGreeting(key=key, due_on=day, due_at=NOW)], at=NOW)
    clock.tick(days=-1)
    retention = Retention(PostgresExpiredRows(pool), clock)
    assert [await retention.sweep() for _ in range(2)] == [3, 0]
    async with pool.connection() as driver:
        years = [row["year"] for row in await Executor(driver).all(YEARS)]
    assert years == [2023, 2024, 2025, 2026]


async def test_a_sweep_deletes_at_most_one_batch(pool: ConnectionPool, clock: FakeClock) -> None:
    database, zoe = make_database(pool), make_user("zoe")
    await add_users(database, zoe)
    expired = NOW - timedelta(minutes=1)
    await add_sessions(
        database, *(make_session(zoe, expires_at=expired) for _ in range(BATCH_SIZE + 1))
    )
    retention = Retention(PostgresExpiredRows(pool), clock)
    assert [await retention.sweep() for _ in range(3)] == [BATCH_SIZE, 1, 0]
