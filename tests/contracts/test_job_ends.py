"""Ends of jobs that share a statement, on PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from asyncpg import PostgresError

from jubilee.adapters.postgres.jobs.ends import JobEnds, SucceededJob
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.domain.errors import Unavailable
from jubilee.domain.jobs.store import JobReference
from tests.contracts.job_tables import PostgresJobTable, claim, make_postgres_job_table, read_row
from tests.fakes.store import FakeClock
from tests.support.api import NOWHERE

LOCK = "SELECT FROM jobs WHERE id = $1 FOR UPDATE"


@pytest.fixture
def table(pool: ConnectionPool, clock: FakeClock) -> PostgresJobTable:
    return make_postgres_job_table(pool, clock)


@pytest.fixture
async def held(table: PostgresJobTable) -> Sequence[JobReference]:
    """Five running jobs."""
    return [(await claim(table, await table.add())).reference for _ in range(5)]


@pytest.fixture
async def ends(pool: ConnectionPool) -> JobEnds:
    return JobEnds(pool)


@pytest.fixture
async def locked(
    held: Sequence[JobReference], table: PostgresJobTable
) -> AsyncIterator[asyncio.Event]:
    """The second job is locked until this event is set."""
    release = asyncio.Event()

    async def lock() -> None:
        async with table.pool.connection() as driver, driver.transaction():
            await driver.execute(LOCK, held[1].id)
            taken.set()
            await release.wait()

    taken = asyncio.Event()
    locking = asyncio.create_task(lock())
    await taken.wait()
    yield release
    release.set()
    await locking


def ended(held: Sequence[JobReference], result: str = '{"n": 1}') -> list[SucceededJob]:
    return [SucceededJob(reference, result) for reference in held]


async def statuses(table: PostgresJobTable, held: Sequence[JobReference]) -> list[str]:
    return [(await read_row(table, reference))["status"] for reference in held]


async def test_each_of_a_batch_learns_whether_its_lease_was_held(
    ends: JobEnds, table: PostgresJobTable, held: Sequence[JobReference]
) -> None:
    stale = JobReference(held[2].id, held[2].epoch - 1)
    await table.store.release(held[4], wait=60)
    jobs = ended([*held[:2], stale, *held[3:]])
    answers = await asyncio.gather(*(ends.succeed(job) for job in jobs))
    assert answers == [True, True, False, True, False]
    expected = ["succeeded", "succeeded", "running", "succeeded", "queued"]
    assert await statuses(table, held) == expected


async def test_results_of_a_batch_stay_with_their_jobs(
    ends: JobEnds, table: PostgresJobTable, held: Sequence[JobReference]
) -> None:
    jobs = [SucceededJob(reference, f'{{"n": {n}}}') for n, reference in enumerate(held)]
    await asyncio.gather(*(ends.succeed(job) for job in jobs))
    assert [(await read_row(table, each))["result"] for each in held] == [
        {"n": n} for n in range(5)
    ]


async def test_an_end_that_postgresql_refuses_leaves_the_others_of_its_batch(
    ends: JobEnds, table: PostgresJobTable, held: Sequence[JobReference]
) -> None:
    jobs = [*ended(held[:3]), SucceededJob(held[3], "no JSON"), *ended(held[4:])]
    answers = await asyncio.gather(*(ends.succeed(job) for job in jobs), return_exceptions=True)
    assert isinstance(answers.pop(3), PostgresError)
    assert answers == [True] * 4
    assert await statuses(table, held) == [*["succeeded"] * 3, "running", "succeeded"]


async def test_a_locked_row_delays_its_own_end_alone(
    ends: JobEnds, table: PostgresJobTable, held: Sequence[JobReference], locked: asyncio.Event
) -> None:
    tasks = [asyncio.create_task(ends.succeed(job)) for job in ended(held)]
    waiting = tasks.pop(1)
    assert await asyncio.gather(*tasks) == [True] * 4
    assert not waiting.done()
    locked.set()
    assert await waiting


async def test_no_end_of_a_batch_is_taken_as_written_while_postgresql_is_away(
    held: Sequence[JobReference],
) -> None:
    pool = ConnectionPool(NOWHERE, size=2, timeout=2)
    ends = JobEnds(pool)
    answers = await asyncio.gather(
        *(ends.succeed(job) for job in ended(held)), return_exceptions=True
    )
    assert [type(answer) for answer in answers] == [Unavailable] * 5
