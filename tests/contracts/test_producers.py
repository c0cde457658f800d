"""Enqueueing jobs from other programs in SQL."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from time import monotonic
from uuid import UUID

import asyncpg
import pytest

from jubilee.adapters.postgres.jobs.due_jobs import PostgresDueJobs
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.schema import downgrade, upgrade
from jubilee.adapters.postgres.statement import Driver
from jubilee.domain.jobs.kinds import KindSet
from tests.servers import Servers, fresh_database

ROW = "SELECT * FROM jobs WHERE id = $1"
COUNT = "SELECT count(*) FROM jobs"
ECHO = KindSet(frozenset({"echo"}))
LATER = datetime.now(UTC) + timedelta(days=1)
LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)

Connect = Callable[[], Awaitable[Driver]]


@pytest.fixture
async def connect(database_url: str) -> AsyncIterator[Connect]:
    """Open connections to the test's database."""
    opened: list[Driver] = []

    async def open_connection() -> Driver:
        opened.append(await asyncpg.connect(database_url))
        return opened[-1]

    yield open_connection
    for connection in opened:
        await connection.close()


@pytest.fixture
async def driver(connect: Connect) -> Driver:
    """A connection to the test's database."""
    return await connect()


async def enqueue(driver: Driver, *arguments: object) -> UUID:
    """Call the SQL function with kind, data as JSON, key and run_at."""
    placeholders = ", ".join(f"${n}" for n in range(1, len(arguments) + 1))
    found: UUID = await driver.fetchval(f"SELECT jubilee.enqueue({placeholders})", *arguments)
    return found


async def test_a_producers_job_is_found_by_the_relay(driver: Driver, pool: ConnectionPool) -> None:
    job_id = await enqueue(driver, "echo", '{"n": 1}', "shop/1")
    [found] = await PostgresDueJobs(pool).mark_due(["echo"], limit=10)
    assert found.reference.id == job_id


async def test_a_relay_that_waits_finds_a_producers_job(
    driver: Driver, pool: ConnectionPool
) -> None:
    due = PostgresDueJobs(pool)
    waiting = asyncio.create_task(due.wait_for_due(ECHO, 30))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    await enqueue(driver, "echo")
    assert await waiting


async def test_one_relay_waits_for_the_jobs_of_the_same_kinds(pool: ConnectionPool) -> None:
    due, began = PostgresDueJobs(pool), monotonic()
    waiting = [asyncio.create_task(due.wait_for_due(ECHO, 4)) for _ in range(3)]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    assert monotonic() - began < 4
    assert await asyncio.gather(*waiting) == [False] * 3
    assert monotonic() - began >= 4


async def test_a_producers_job_has_the_defaults_of_internal_jobs(driver: Driver) -> None:
    row = await driver.fetchrow(ROW, await enqueue(driver, "echo"))
    assert row is not None
    assert (row["lane"], row["priority"], row["status"]) == ("system", 5, "queued")
    assert (row["attempts"], row["max_attempts"], row["epoch"]) == (0, 10, 0)
    assert (row["owner_id"], row["task_id"], row["key"], row["data"]) == (None, None, None, "{}")
    assert row["run_at"] == row["created_at"]


async def test_ids_are_of_version_7_and_ordered_by_call(driver: Driver) -> None:
    before = datetime.now(UTC)
    many = "SELECT jubilee.enqueue('echo') AS id FROM generate_series(1, 100)"
    ids = [UUID(str(row["id"])) for row in await driver.fetch(many)]
    created = datetime.fromtimestamp((ids[0].int >> 80) / 1000, UTC)
    assert {(one.version, one.variant) for one in ids} == {(7, "specified in RFC 4122")}
    assert ids == sorted(ids)
    assert abs(created - before) < timedelta(minutes=1)


async def test_a_rolled_back_call_enqueues_nothing(driver: Driver) -> None:
    transaction = driver.transaction()
    await transaction.start()
    await enqueue(driver, "echo")
    await transaction.rollback()
    assert await driver.fetchval(COUNT) == 0


async def test_a_future_run_at_is_stored_and_a_past_one_is_now(driver: Driver) -> None:
    later = await driver.fetchrow(ROW, await enqueue(driver, "echo", "{}", None, LATER))
    past = await driver.fetchrow(ROW, await enqueue(driver, "echo", "{}", None, LONG_AGO))
    assert later is not None
    assert past is not None
    assert later["run_at"] == LATER
    assert past["run_at"] == past["created_at"]


async def test_the_same_key_returns_the_same_job(driver: Driver) -> None:
    async with driver.transaction():
        first = await enqueue(driver, "echo", '{"n": 1}', "k")
        within = await enqueue(driver, "echo", '{"n": 2}', "k")
    after = await enqueue(driver, "echo", '{"n": 3}', "k")
    row = await driver.fetchrow(ROW, first)
    assert first == within == after
    assert row is not None
    assert row["data"] == '{"n": 1}'
    assert await driver.fetchval(COUNT) == 1


async def test_a_key_of_a_job_of_another_kind_is_refused(driver: Driver) -> None:
    await enqueue(driver, "echo", "{}", "k")
    with pytest.raises(asyncpg.UniqueViolationError, match="key belongs to a job of another kind"):
        await enqueue(driver, "email.send", "{}", "k")


@pytest.mark.parametrize("commits", [True, False])
async def test_a_key_in_use_by_another_transaction_is_waited_for(
    connect: Connect, commits: bool
) -> None:
    one, other = await connect(), await connect()
    transaction = one.transaction()
    await transaction.start()
    first = await enqueue(one, "echo", "{}", "k")
    waiting = asyncio.create_task(enqueue(other, "echo", "{}", "k"))
    _, pending = await asyncio.wait({waiting}, timeout=0.2)
    assert pending == {waiting}
    await (transaction.commit() if commits else transaction.rollback())
    assert (await waiting == first) is commits
    assert await one.fetchval(COUNT) == 1


async def test_parallel_calls_with_one_key_make_one_job(connect: Connect) -> None:
    racers = [await connect() for _ in range(8)]
    for n in range(10):
        ids = await asyncio.gather(*(enqueue(racer, "echo", "{}", f"k{n}") for racer in racers))
        assert len(set(ids)) == 1
    assert await racers[0].fetchval(COUNT) == 10


@pytest.mark.parametrize("data", ["[]", '"a"', "1", "null", None])
async def test_data_must_be_an_object(driver: Driver, data: str | None) -> None:
    with pytest.raises(asyncpg.InvalidParameterValueError, match="data must be a JSON object"):
        await enqueue(driver, "echo", data)


async def test_migrations_ignore_the_search_path(servers: Servers) -> None:
    async with fresh_database(servers) as url:
        driver = await asyncpg.connect(url)
        name = await driver.fetchval("SELECT current_database()")
        await driver.execute("CREATE SCHEMA elsewhere")
        await driver.execute(f'ALTER DATABASE "{name}" SET search_path = elsewhere, public')
        for step in (upgrade, downgrade, upgrade):
            await asyncio.to_thread(step, url)
        schemas = await driver.fetch("SELECT DISTINCT schemaname FROM pg_stat_user_tables")
        await driver.close()
    assert [row["schemaname"] for row in schemas] == ["public"]
