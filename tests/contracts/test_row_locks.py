"""The rows that statements lock, skip or wait for, in PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.jobs import store
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.statement import Statement
from jubilee.adapters.postgres.transaction import transactions, views
from jubilee.adapters.postgres.write_context import WriteContext
from jubilee.domain.greetings.greeting import GreetingKey, PlannedGreeting
from jubilee.domain.identity import UserId
from jubilee.domain.jobs.store import JobReference
from jubilee.domain.users.user import User
from tests.contracts.accounts import add_users, make_user
from tests.contracts.conftest import Database
from tests.contracts.job_tables import PostgresJobTable, claim, make_postgres_job_table
from tests.contracts.task_rows import add_task, principal_of
from tests.fakes.store import FakeClock
from tests.support.api import wait_for_lock_wait

WAIT_S = 30.0
LOCK = "SELECT FROM {} WHERE {} = $1 FOR UPDATE SKIP LOCKED"
DUE_AT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


@pytest.fixture
def database(pool: ConnectionPool, clock: FakeClock) -> Database:
    write_context = WriteContext(clock, new_id, lambda: "request-1")
    return Database(transactions(pool, write_context), views(pool, write_context))


@pytest.fixture
def table(pool: ConnectionPool, clock: FakeClock) -> PostgresJobTable:
    return make_postgres_job_table(pool, clock)


@pytest.fixture
async def zoe(database: Database) -> User:
    user = make_user("zoe")
    await add_users(database, user)
    return user


async def is_locked(pool: ConnectionPool, table: str, key: UUID, column: str = "id") -> bool:
    """Return whether another transaction has locked the row against changes."""
    async with pool.connection() as driver:
        return not await driver.fetch(LOCK.format(table, column), key)


@asynccontextmanager
async def locked(pool: ConnectionPool, job: JobReference) -> AsyncIterator[None]:
    """Lock the job's row, as another relay or worker does."""
    async with pool.connection() as driver, driver.transaction():
        await driver.execute("SELECT FROM jobs WHERE id = $1 FOR UPDATE", job.id)
        yield


def due_greeting(user: User) -> PlannedGreeting:
    key = GreetingKey(user.id, 2026)
    return PlannedGreeting(key=key, due_on=date(2026, 11, 20), due_at=DUE_AT)


@pytest.mark.parametrize("field", ["id", "task_id"])
async def test_reading_a_task_for_a_change_locks_it(
    database: Database, pool: ConnectionPool, zoe: User, field: str
) -> None:
    task = await add_task(database, zoe, task_id="report")
    for lock in (False, True):
        async with database.write() as tx:
            await tx.tasks.get(str(getattr(task, field)), by=principal_of(zoe), lock=lock)
            assert await is_locked(pool, "jobs", task.id) is lock


async def test_reading_a_greeting_for_sending_locks_it(
    database: Database, pool: ConnectionPool, zoe: User
) -> None:
    async with database.write() as tx:
        await tx.greetings.add([due_greeting(zoe)], at=DUE_AT)
    async with database.write() as tx:
        await tx.greetings.lock(due_greeting(zoe).key)
        assert await is_locked(pool, "greetings", zoe.id, "user_id")


async def test_marking_skips_locked_jobs(table: PostgresJobTable, pool: ConnectionPool) -> None:
    taken, free = await table.add(due=-2), await table.add()
    async with locked(pool, taken):
        marked = await asyncio.wait_for(table.due.mark_due(["echo"], limit=10), WAIT_S)
    assert [dispatch.reference for dispatch in marked] == [free]


async def test_a_claim_stands_although_the_locked_ones_of_its_batch_cannot_be_looked_up(
    table: PostgresJobTable, pool: ConnectionPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = Statement.from_sql("SELECT pg_terminate_backend(pg_backend_pid()) AS id")
    monkeypatch.setattr(store, "FREE", killed)
    taken, skipped = await table.add(), await table.add()
    async with locked(pool, skipped):
        claims = await asyncio.gather(*map(table.store.claim, (taken, skipped)))
    assert [one and one.id for one in claims] == [taken.id, None]


async def test_expiring_leases_skips_locked_jobs(
    table: PostgresJobTable, pool: ConnectionPool
) -> None:
    taken, free = [await claim(table, await table.add()) for _ in range(2)]
    await table.pass_time(3600)
    async with locked(pool, taken.reference):
        assert await asyncio.wait_for(table.due.expire_leases(limit=10), WAIT_S) == 1
    assert (await table.row(free.id) or {})["status"] == "queued"


async def test_pruning_skips_locked_jobs(table: PostgresJobTable, pool: ConnectionPool) -> None:
    taken, free = await table.add(), await table.add()
    async with pool.connection() as driver:
        await driver.execute("UPDATE jobs SET status = 'dead', finished_at = now()")
    await table.pass_time(2 * 86_400)
    async with locked(pool, taken):
        assert await asyncio.wait_for(table.due.prune(days=1, limit=10), WAIT_S) == 1
    assert await table.row(free.id) is None


async def test_adding_a_greeting_waits_for_the_deletion_of_its_account(
    database: Database, zoe: User
) -> None:
    async def add() -> set[UserId]:
        async with database.write() as tx:
            return set(await tx.greetings.add([due_greeting(zoe)], at=DUE_AT))

    async with database.write() as deleting:
        await deleting.users.delete(zoe.id)
        adding = asyncio.create_task(add())
        await asyncio.sleep(0.2)
        assert not adding.done()
    assert await asyncio.wait_for(adding, WAIT_S) == set()


async def test_adding_greetings_locks_the_accounts_by_id(
    database: Database, pool: ConnectionPool
) -> None:
    first, second = sorted([make_user("zoe"), make_user("eve")], key=lambda user: user.id)
    await add_users(database, second, first)  # as they would be found without an order

    async def add() -> None:
        async with database.write() as tx:
            await tx.greetings.add([due_greeting(second), due_greeting(first)], at=DUE_AT)

    async with pool.connection() as driver, driver.transaction():
        await driver.execute("SELECT FROM users WHERE id = $1 FOR UPDATE", second.id)
        adding = asyncio.create_task(add())
        await wait_for_lock_wait(driver)
        assert await is_locked(pool, "users", first.id)
    await asyncio.wait_for(adding, WAIT_S)
