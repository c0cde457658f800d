"""The relay's statements read and lock only the rows they return."""

from datetime import UTC, datetime

import pytest

from jubilee.adapters.postgres.jobs.due_jobs import (
    DUE_SUMMARY,
    EXPIRE,
    FIRST,
    MARK_DUE,
    PRUNE,
    QUEUES,
    WAITING,
)
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.statement import Driver, Statement
from tests.contracts.job_tables import PostgresJobTable, make_postgres_job_table
from tests.contracts.rows_read import jobs_read
from tests.fakes.store import FakeClock

KINDS = ["echo"]
SYSTEM_JOBS = Statement.from_sql(
    "UPDATE jobs SET lane = 'system' WHERE id IN (SELECT id FROM jobs LIMIT 9)"
)

UNLOCKED = "SELECT FROM jobs FOR UPDATE SKIP LOCKED"

EXPIRY = {
    "rows": 500,
    "max_crashes": 3,
    "longest_waits": [1.0, 2.0, 4.0],
    "crashed_error": "{}",
    "expired_error": "{}",
}

LEVELS = [(queue, level) for level in range(10) for queue in QUEUES]
MARK = {
    "kinds": KINDS,
    "open_queues": [queue for queue, _ in LEVELS],
    "open_levels": [level for _, level in LEVELS],
}
PAGE = {
    **dict(zip(("after", "id"), FIRST, strict=True)),
    "kinds": KINDS,
    "queues": QUEUES,
    "rows": 500,
}


@pytest.fixture
def table(pool: ConnectionPool, clock: FakeClock) -> PostgresJobTable:
    return make_postgres_job_table(pool, clock)


@pytest.mark.parametrize(
    ("statement", "values"),
    [
        (MARK_DUE, {**MARK, "rows": 500}),
        (DUE_SUMMARY, {"kinds": KINDS, "queues": QUEUES}),
        (WAITING, PAGE),
        (EXPIRE, EXPIRY),
        (PRUNE, {"days": 7.0, "rows": 500}),
    ],
    ids=["mark", "summary", "waiting", "expire", "prune"],
)
async def test_jobs_that_are_not_due_do_not_slow_the_queries_down(
    table: PostgresJobTable, driver: Driver, statement: Statement, values: dict[str, object]
) -> None:
    await table.add_many(rows=30_000, due=86_400)
    await table.add_many(rows=20, due=-1)
    await driver.execute("ANALYZE jobs")
    assert await jobs_read(driver, statement, **values) <= 60


async def test_a_later_page_of_unclaimed_jobs_reads_only_its_rows(
    table: PostgresJobTable, driver: Driver
) -> None:
    await table.add_many(rows=10_000, due=-60)
    await driver.execute("UPDATE jobs SET dispatched_at = now() - interval '1 minute'")
    await driver.execute("VACUUM ANALYZE jobs")
    assert await jobs_read(driver, WAITING, **{**PAGE, "after": datetime.now(UTC)}) == 0


async def test_a_relay_locks_only_the_jobs_it_marks(
    table: PostgresJobTable, driver: Driver, pool: ConnectionPool
) -> None:
    await table.add_many(rows=1000, due=-1)
    await driver.execute("ANALYZE jobs")
    async with driver.transaction(), pool.connection() as reader:
        await driver.fetch(MARK_DUE.sql, *MARK_DUE.arguments({**MARK, "rows": 10}))
        assert len(await reader.fetch(UNLOCKED)) == 990


async def test_only_marks_are_committed_without_waiting_for_the_disk(
    table: PostgresJobTable, driver: Driver
) -> None:
    await table.add(due=-1)
    async with driver.transaction():
        await driver.fetch(MARK_DUE.sql, *MARK_DUE.arguments({**MARK, "rows": 10}))
        assert await driver.fetchval("SHOW synchronous_commit") == "off"
    assert await driver.fetchval("SHOW synchronous_commit") == "on"


async def test_the_backlog_of_a_full_queue_is_not_read(
    table: PostgresJobTable, driver: Driver
) -> None:
    await table.add_many(rows=30_000, due=-1)
    await table.run(SYSTEM_JOBS)
    await driver.execute("ANALYZE jobs")
    levels = [(queue, level) for queue, level in LEVELS if queue == "system"]
    values = dict(zip(("open_queues", "open_levels"), zip(*levels, strict=True), strict=True))
    assert await jobs_read(driver, MARK_DUE, kinds=KINDS, rows=20, **values) <= 30


async def test_lost_messages_are_looked_for_without_reading_the_backlog(
    table: PostgresJobTable, driver: Driver
) -> None:
    await table.add_many(rows=30_000, due=-1)
    await driver.execute("ANALYZE jobs")
    assert await jobs_read(driver, DUE_SUMMARY, kinds=KINDS, queues=QUEUES) <= 20
