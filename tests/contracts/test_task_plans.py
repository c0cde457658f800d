"""Every query of tasks has its index."""

import re
from itertools import product
from uuid import UUID

import pytest

from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.jobs import tasks as module
from jubilee.adapters.postgres.jobs.task_pages import OwnerScope, page_statement
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.statement import Statement
from jubilee.adapters.postgres.transaction import WriteContext, transactions, views
from jubilee.domain.identity import UserId
from jubilee.domain.tasks.task import TaskStatus
from tests.contracts.accounts import NOW, a_user, kept
from tests.contracts.conftest import Database

JOBS = """
    INSERT INTO jobs (id, owner_id, task_id, kind, lane, data, priority, status, attempts,
        max_attempts, epoch, run_at, created_at, finished_at)
    SELECT gen_random_uuid(), users.id, CASE WHEN n % 4 > 0 THEN n::text END, 'kind ' || n % 3,
        'user', '{}', 5, state, 0, 10, 0, now(), now(),
        CASE WHEN state IN ('queued', 'running') THEN NULL ELSE now() END
    FROM users, generate_series(1, 300) AS n,
        LATERAL (SELECT (ARRAY['queued', 'running', 'succeeded', 'dead', 'cancelled'])[1 + n % 5])
            AS states (state)
"""
LISTS = {
    (OwnerScope.OWNED, False): ["ix_tasks_owner_id_status_id"],
    (OwnerScope.OWNED, True): ["ix_tasks_owner_id_kind_status_id"],
    (OwnerScope.UNOWNED, False): ["ix_unowned_status_id"],
    (OwnerScope.UNOWNED, True): ["ix_unowned_kind_status_id"],
    (OwnerScope.ALL, False): ["ix_tasks_status_id", "ix_unowned_status_id"],
    (OwnerScope.ALL, True): ["ix_tasks_kind_status_id", "ix_unowned_kind_status_id"],
}
"""By whose the list is, and whether it is one kind's."""


@pytest.fixture
def database(pool: ConnectionPool) -> Database:
    write_context = WriteContext(lambda: NOW, new_id, lambda: None)
    return Database(transactions(pool, write_context), views(pool, write_context))


async def plan(pool: ConnectionPool, statement: Statement, **values: object) -> str:
    async with pool.connection() as driver:
        rows = await driver.fetch(f"EXPLAIN {statement.sql}", *statement.arguments(values))
    return "\n".join(row[0] for row in rows)


@pytest.fixture
async def crowd(database: Database, pool: ConnectionPool) -> UserId:
    """One of ten who have hundreds of jobs each."""
    people = [a_user(f"p{n}") for n in range(10)]
    await kept(database, *people)
    async with pool.connection() as driver:
        for sql in (JOBS, "ANALYZE", "SET enable_seqscan = off", "SET enable_bitmapscan = off"):
            await driver.execute(sql)
    return people[0].id


async def test_every_list_walks_an_index_and_filters_nothing(
    pool: ConnectionPool, crowd: UserId
) -> None:
    for whose, of_kind, continued in product(OwnerScope, (False, True), (False, True)):
        statement = page_statement(whose, of_kind=of_kind, continued=continued)
        values = {"owner": crowd, "kind": "kind 1", "last": UUID(int=1 << 127)}
        values |= {"rows": 21, "bytes": 1000}
        for statuses in (list(TaskStatus), ["dead"]):
            shown = await plan(pool, statement, statuses=statuses, **values)
            used = re.findall(r"using (\w+) on jobs", shown)
            assert used == LISTS[whose, of_kind], shown
            filters = [line for line in shown.splitlines() if "Filter" in line]
            assert ["so_far" in line for line in filters] == [True], shown


MANY = """
    INSERT INTO jobs (id, owner_id, task_id, kind, lane, data, priority, status, attempts,
        max_attempts, epoch, run_at, created_at, finished_at)
    SELECT CAST(lpad(to_hex(n), 32, '0') AS uuid), (SELECT id FROM users LIMIT 1),
        CASE WHEN n % 2 = 0 THEN n::text END, 'echo', 'user', '{}', 5,
        CASE WHEN n % 99 = 0 THEN 'dead' ELSE 'cancelled' END, 0, 10, 0,
        now(), now(), now()
    FROM generate_series(1, 30000) AS n
"""
"""Their ids grow as they are written, as in production."""


async def test_a_status_that_is_rare_is_not_looked_for_among_all_the_others(
    database: Database, pool: ConnectionPool
) -> None:
    zoe = a_user("zoe")
    await kept(database, zoe)
    async with pool.connection() as driver:
        for sql in (MANY, "ANALYZE jobs"):
            await driver.execute(sql)
        for whose, of_kind, continued in product(OwnerScope, (False, True), (False, True)):
            statement = page_statement(whose, of_kind=of_kind, continued=continued)
            values = {"owner": zoe.id, "kind": "echo", "last": UUID(int=1 << 127), "rows": 21}
            given = statement.arguments({**values, "statuses": list(TaskStatus), "bytes": 1000})
            rows = await driver.fetch(f"EXPLAIN (ANALYZE, BUFFERS OFF) {statement.sql}", *given)
            shown = "\n".join(row[0] for row in rows)
            removed = [int(n) for n in re.findall(r"Rows Removed by Filter: (\d+)", shown)]
            assert sum(removed) <= 42, shown


async def test_the_live_ones_are_counted_in_an_index(pool: ConnectionPool, crowd: UserId) -> None:
    shown = await plan(pool, module.COUNT_LIVE, owner=crowd, limit=10)
    assert "using ix_tasks_owner_id_status_id on jobs" in shown


async def test_one_task_is_found_by_a_key(pool: ConnectionPool, crowd: UserId) -> None:
    values = {"id": new_id(), "owner": crowd, "task_id": "1"}
    own = await plan(pool, module.GET[False], all_owners=False, **values)
    assert "using ix_jobs_owner_id_id on jobs" in own
    of_all = await plan(pool, module.GET[False], all_owners=True, **values)
    assert "using pk_jobs on jobs" in of_all
    named = await plan(pool, module.GET_NAMED[False], **values)
    assert "using uq_jobs_owner_id_task_id on jobs" in named
    live = await plan(pool, module.LIVE_OF, ids=[new_id()])
    assert "using pk_jobs on jobs" in live
