"""Which rows a statement locks, and which locked rows it waits for or skips, on PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.transaction import WriteContext, transactions, views
from jubilee.domain.greetings.greeting import GreetingKey, PlannedGreeting
from jubilee.domain.identity import UserId
from jubilee.domain.jobs.store import JobReference
from jubilee.domain.users.user import User
from tests.contracts.accounts import a_user, kept
from tests.contracts.conftest import Database
from tests.contracts.job_tables import InPostgres, claimed, in_postgres
from tests.contracts.task_rows import a_kept_task, by
from tests.fakes.store import FakeClock

WAIT_S = 2.0
LOCK = "SELECT FROM {} WHERE {} = $1 FOR UPDATE SKIP LOCKED"
MOMENT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


@pytest.fixture
def database(pool: ConnectionPool, clock: FakeClock) -> Database:
    stamp = WriteContext(clock, new_id, lambda: "request-1")
    return Database(transactions(pool, stamp), views(pool, stamp))


@pytest.fixture
def table(pool: ConnectionPool, clock: FakeClock) -> InPostgres:
    return in_postgres(pool, clock)


@pytest.fixture
async def zoe(database: Database) -> User:
    user = a_user("zoe")
    await kept(database, user)
    return user


async def is_locked(pool: ConnectionPool, table: str, key: UUID, column: str = "id") -> bool:
    """Whether another transaction holds a lock of the row that keeps a change waiting."""
    async with pool.connection() as driver:
        return not await driver.fetch(LOCK.format(table, column), key)


@asynccontextmanager
async def locked(pool: ConnectionPool, job: JobReference) -> AsyncIterator[None]:
    """Hold the job's row as another relay or worker does."""
    async with pool.connection() as driver, driver.transaction():
        await driver.execute("SELECT FROM jobs WHERE id = $1 FOR UPDATE", job.id)
        yield


def due(user: User) -> PlannedGreeting:
    key = GreetingKey(user.id, 2026)
    return PlannedGreeting(key=key, due_on=date(2026, 11, 20), due_at=MOMENT)


@pytest.mark.parametrize("field", ["id", "task_id"])
async def test_a_task_that_is_read_to_be_changed_is_locked(
    database: Database, pool: ConnectionPool, zoe: User, field: str
) -> None:
    task = await a_kept_task(database, zoe, task_id="report")
    for lock in (False, True):
        async with database.write() as tx:
            await tx.tasks.get(str(getattr(task, field)), by=by(zoe), lock=lock)
            assert await is_locked(pool, "jobs", task.id) is lock


async def test_a_greeting_that_is_to_be_sent_is_locked(
    database: Database, pool: ConnectionPool, zoe: User
) -> None:
    async with database.write() as tx:
        await tx.greetings.add([due(zoe)], at=MOMENT)
    async with database.write() as tx:
        await tx.greetings.lock(due(zoe).key)
        assert await is_locked(pool, "greetings", zoe.id, "user_id")


async def test_due_jobs_that_another_relay_marks_are_skipped(
    table: InPostgres, pool: ConnectionPool
) -> None:
    taken, free = await table.add(due=-2), await table.add()
    async with locked(pool, taken):
        marked = await asyncio.wait_for(table.due.mark_due(["echo"], limit=10), WAIT_S)
    assert [dispatch.reference for dispatch in marked] == [free]


async def test_lost_leases_that_another_relay_ends_are_skipped(
    table: InPostgres, pool: ConnectionPool
) -> None:
    taken, free = [await claimed(table, await table.add()) for _ in range(2)]
    await table.pass_time(3600)
    async with locked(pool, taken.reference):
        assert await asyncio.wait_for(table.due.expire_leases(limit=10), WAIT_S) == 1
    assert (await table.row(free.id) or {})["status"] == "queued"


async def test_old_jobs_that_another_transaction_holds_are_not_waited_for(
    table: InPostgres, pool: ConnectionPool
) -> None:
    taken, free = await table.add(), await table.add()
    async with pool.connection() as driver:
        await driver.execute("UPDATE jobs SET status = 'dead', finished_at = now()")
    await table.pass_time(2 * 86_400)
    async with locked(pool, taken):
        assert await asyncio.wait_for(table.due.prune(days=1, limit=10), WAIT_S) == 1
    assert await table.row(free.id) is None


async def test_an_account_that_goes_meanwhile_has_no_greeting(
    database: Database, zoe: User
) -> None:
    async def add() -> set[UserId]:
        async with database.write() as tx:
            return set(await tx.greetings.add([due(zoe)], at=MOMENT))

    async with database.write() as going:
        await going.users.delete(zoe.id)
        adding = asyncio.create_task(add())
        await asyncio.sleep(0.2)
        assert not adding.done()
    assert await asyncio.wait_for(adding, WAIT_S) == set()


async def test_accounts_that_are_greeted_are_locked_in_the_order_of_their_ids(
    database: Database, pool: ConnectionPool
) -> None:
    first, second = sorted([a_user("zoe"), a_user("eve")], key=lambda user: user.id)
    await kept(database, second, first)  # as they would be found without an order

    async def add() -> None:
        async with database.write() as tx:
            await tx.greetings.add([due(second), due(first)], at=MOMENT)

    async with pool.connection() as driver, driver.transaction():
        await driver.execute("SELECT FROM users WHERE id = $1 FOR UPDATE", second.id)
        adding = asyncio.create_task(add())
        await asyncio.sleep(0.2)
        assert await is_locked(pool, "users", first.id)
    await asyncio.wait_for(adding, WAIT_S)
