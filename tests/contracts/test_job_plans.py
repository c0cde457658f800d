"""Plans of the relay's statements: they read and lock only the rows they return."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import asyncpg
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
from jubilee.adapters.postgres.statement import Statement
from tests.contracts.job_tables import PostgresJobTable, make_postgres_job_table
from tests.fakes.store import FakeClock

KINDS = ["echo"]
SYSTEM_JOBS = Statement.from_sql(
    "UPDATE jobs SET lane = 'system' WHERE id IN (SELECT id FROM jobs LIMIT 9)"
)

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


@pytest.fixture
async def other(database_url: str) -> AsyncIterator[Any]:
    """A connection outside the pool."""
    connection = await asyncpg.connect(database_url)
    yield connection
    connection.terminate()


async def plan(other: Any, statement: Statement, **values: object) -> str:
    rows = await other.fetch(
        f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) {statement.sql}", *statement.arguments(values)
    )
    return "\n".join(row[0] for row in rows)


@pytest.mark.parametrize(
    ("statement", "index", "values"),
    [
        (MARK_DUE, "ix_jobs_queued", {**MARK, "rows": 500}),
        (DUE_SUMMARY, "ix_jobs_queued", {"kinds": KINDS, "queues": QUEUES}),
        (WAITING, "ix_jobs_dispatched", PAGE),
        (EXPIRE, "ix_jobs_leases", EXPIRY),
        (PRUNE, "ix_jobs_finished_at", {"days": 7.0, "rows": 500}),
    ],
    ids=["mark", "summary", "waiting", "expire", "prune"],
)
async def test_jobs_that_are_not_due_do_not_slow_the_queries_down(
    table: PostgresJobTable, other: Any, statement: Statement, index: str, values: dict[str, object]
) -> None:
    await table.add_many(rows=30_000, due=86_400)
    await table.add_many(rows=20, due=-1)
    await other.execute("ANALYZE jobs")
    found = await plan(other, statement, **values)
    assert index in found
    assert "Seq Scan on jobs" not in found
    # No step but the table's own functions touches more than a handful of rows.
    assert max(int(rows.partition(".")[0]) for rows in re.findall(r"rows=([\d.]+)", found)) <= 20
    assert not re.search(r"Rows Removed by Filter: \d{3}", found)


async def test_a_later_page_of_unclaimed_jobs_reads_only_its_rows(
    table: PostgresJobTable, other: Any
) -> None:
    await table.add_many(rows=10_000, due=-60)
    await other.execute("UPDATE jobs SET dispatched_at = now() - interval '1 minute'")
    await other.execute("VACUUM ANALYZE jobs")
    found = await plan(other, WAITING, **{**PAGE, "after": datetime.now(UTC)})
    assert "Seq Scan on jobs" not in found
    assert not re.search(r"Rows Removed by Filter: \d{2}", found)
    assert not re.findall(r"Scan.*jobs.*rows=[1-9]", found)


async def test_a_relay_locks_only_the_jobs_it_marks(table: PostgresJobTable, other: Any) -> None:
    await table.add_many(rows=1000, due=-1)
    await other.execute("ANALYZE jobs")
    found = await plan(other, MARK_DUE, **MARK, rows=10)
    locked = re.findall(r"LockRows \(actual rows=([\d.]+) loops=(\d+)", found)
    assert [float(rows) * int(loops) for rows, loops in locked] == [10]


async def test_the_backlog_of_a_full_queue_is_not_read(table: PostgresJobTable, other: Any) -> None:
    await table.add_many(rows=30_000, due=-1)
    await table.run(SYSTEM_JOBS)
    await other.execute("ANALYZE jobs")
    levels = [(queue, level) for queue, level in LEVELS if queue == "system"]
    values = dict(zip(("open_queues", "open_levels"), zip(*levels, strict=True), strict=True))
    found = await plan(other, MARK_DUE, kinds=KINDS, rows=20, **values)
    assert "Seq Scan on jobs" not in found
    assert max(int(rows.partition(".")[0]) for rows in re.findall(r"rows=([\d.]+)", found)) <= 20


async def test_lost_messages_are_looked_for_without_reading_the_backlog(
    table: PostgresJobTable, other: Any
) -> None:
    await table.add_many(rows=30_000, due=-1)
    await other.execute("ANALYZE jobs")
    found = await plan(other, DUE_SUMMARY, kinds=KINDS, queues=QUEUES)
    assert "ix_jobs_dispatched" in found
    assert not re.search(r"Rows Removed by Filter: \d{3}", found)
