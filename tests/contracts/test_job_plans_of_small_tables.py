"""Statements that were prepared on a small table read few rows once it has many.

A plan is kept until the table is analyzed, which may be a minute later.
"""

from typing import Any
from uuid import UUID, uuid4

from jubilee.adapters.postgres.jobs.due_jobs import (
    DUE_SUMMARY,
    FIRST,
    MARK_DUE,
    QUEUES,
    WAIT_FOR_DUE,
    WAITING,
)
from jubilee.adapters.postgres.jobs.ends import SUCCEED_ALL
from jubilee.adapters.postgres.jobs.store import CLAIM, END, FREE
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.statement import Driver, Statement
from tests.contracts.job_tables import make_postgres_job_table
from tests.contracts.rows_read import jobs_read
from tests.fakes.store import FakeClock

KINDS = {"kinds": ["echo"]}
SAME_QUEUES = {**KINDS, "queues": QUEUES}
LEVELS = {"open_queues": ["user"] * 10, "open_levels": list(range(10))}
PAGE = {**SAME_QUEUES, **dict(zip(("after", "id"), FIRST, strict=True)), "rows": 20}
RUNS_UNTIL_PLANNED = 6  # the server makes a plan for all values for the sixth execution
ROWS = 10_000
MAX_ROWS_READ = 200  # by a statement that is about twenty jobs
QUEUED = "SELECT id FROM jobs WHERE status = 'queued' LIMIT 20"


def statements(ids: list[UUID]) -> dict[str, tuple[Statement, dict[str, Any]]]:
    """Return what a worker runs all the time; `ids` are of queued jobs, which it runs."""
    queued, running = ({"ids": ids, "epochs": [epoch] * len(ids)} for epoch in (0, 1))
    return {
        "wait": (WAIT_FOR_DUE, {**SAME_QUEUES, "waiter": 1, "seconds": 0.0}),
        "mark": (MARK_DUE, {**KINDS, **LEVELS, "rows": 20}),
        "summary": (DUE_SUMMARY, SAME_QUEUES),
        "unclaimed": (WAITING, PAGE),
        "claimable": (FREE, {**KINDS, **queued}),
        "claim": (CLAIM, {**KINDS, **queued, "lease": 30.0, "worker": uuid4()}),
        "end": (END, {"id": ids[0], "epoch": 1, "status": "dead", "error": "{}", "result": None}),
        "ends": (SUCCEED_ALL, {**running, "results": ["{}"] * len(ids)}),
    }


async def test_statements_that_were_planned_on_a_small_table_read_few_of_many_jobs(
    pool: ConnectionPool, clock: FakeClock, driver: Driver
) -> None:
    table = make_postgres_job_table(pool, clock)
    await table.add(due=-1)
    await driver.execute("VACUUM ANALYZE jobs")
    for _ in range(RUNS_UNTIL_PLANNED):
        for statement, values in statements([uuid4()]).values():
            await jobs_read(driver, statement, **values)
    await table.add_many(rows=ROWS, due=-1)
    ids = [row["id"] for row in await driver.fetch(QUEUED)]
    read = {
        name: await jobs_read(driver, statement, **values)
        for name, (statement, values) in statements(ids).items()
    }
    assert max(read.values()) <= MAX_ROWS_READ, read
    assert read["claim"] >= len(ids)
    assert read["ends"] >= len(ids) - 1
    assert read["end"] >= 1
