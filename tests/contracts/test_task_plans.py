"""Plans of the queries of tasks."""

import re
from itertools import product
from uuid import UUID

import pytest

from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.jobs import task_queue, tasks
from jubilee.adapters.postgres.jobs.task_pages import OwnerScope, page_statement
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.statement import Statement
from jubilee.adapters.postgres.transaction import transactions, views
from jubilee.adapters.postgres.write_context import WriteContext
from jubilee.domain.identity import UserId
from jubilee.domain.tasks.task import TaskStatus
from tests.contracts.accounts import NOW, add_users, make_user
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
"""The indexes by the scope of the list, and by whether it is filtered by kind."""


@pytest.fixture
def database(pool: ConnectionPool) -> Database:
    write_context = WriteContext(lambda: NOW, new_id, lambda: None)
    return Database(transactions(pool, write_context), views(pool, write_context))


async def plan(pool: ConnectionPool, statement: Statement, **values: object) -> str:
    async with pool.connection() as driver:
        rows = await driver.fetch(f"EXPLAIN {statement.sql}", *statement.arguments(values))
    return "\n".join(row[0] for row in rows)


@pytest.fixture
async def owner(database: Database, pool: ConnectionPool) -> UserId:
    """One of ten accounts with 300 jobs each."""
    people = [make_user(f"p{n}") for n in range(10)]
    await add_users(database, *people)
    async with pool.connection() as driver:
        for sql in (JOBS, "ANALYZE", "SET enable_seqscan = off", "SET enable_bitmapscan = off"):
            await driver.execute(sql)
    return people[0].id


async def test_every_list_reads_its_index_without_a_filter(
    pool: ConnectionPool, owner: UserId
) -> None:
    for scope, of_kind, continued in product(OwnerScope, (False, True), (False, True)):
        statement = page_statement(scope, of_kind=of_kind, continued=continued)
        values = {"owner": owner, "kind": "kind 1", "last": UUID(int=1 << 127)}
        values |= {"rows": 21, "bytes": 1000}
        for statuses in (list(TaskStatus), ["dead"]):
            found = await plan(pool, statement, statuses=statuses, **values)
            indexes = re.findall(r"using (\w+) on jobs", found)
            assert indexes == LISTS[scope, of_kind], found
            filters = [line for line in found.splitlines() if "Filter" in line]
            assert ["so_far" in line for line in filters] == [True], found


VALUES = (
    "task_id", "kind", "lane", "data", "priority", "max_attempts", "run_at", "correlation_id",
    "trace_context",
)  # fmt: skip
MANY = """
    INSERT INTO jobs (id, owner_id, task_id, kind, lane, data, priority, status, attempts,
        max_attempts, epoch, run_at, created_at, finished_at)
    SELECT CAST(lpad(to_hex(n), 32, '0') AS uuid), (SELECT id FROM users LIMIT 1),
        CASE WHEN n % 2 = 0 THEN n::text END, 'echo', 'user', '{}', 5,
        CASE WHEN n % 99 = 0 THEN 'dead' ELSE 'cancelled' END, 0, 10, 0,
        now(), now(), now()
    FROM generate_series(1, 30000) AS n
"""
"""The ids ascend in the order of writing, as in production."""


async def test_a_rare_status_is_found_without_reading_the_others(
    database: Database, pool: ConnectionPool
) -> None:
    zoe = make_user("zoe")
    await add_users(database, zoe)
    async with pool.connection() as driver:
        for sql in (MANY, "ANALYZE jobs"):
            await driver.execute(sql)
        for scope, of_kind, continued in product(OwnerScope, (False, True), (False, True)):
            statement = page_statement(scope, of_kind=of_kind, continued=continued)
            values = {"owner": zoe.id, "kind": "echo", "last": UUID(int=1 << 127), "rows": 21}
            arguments = statement.arguments({**values, "statuses": list(TaskStatus), "bytes": 1000})
            rows = await driver.fetch(f"EXPLAIN (ANALYZE, BUFFERS OFF) {statement.sql}", *arguments)
            found = "\n".join(row[0] for row in rows)
            removed = [int(n) for n in re.findall(r"Rows Removed by Filter: (\d+)", found)]
            assert sum(removed) <= 42, found


async def test_live_tasks_are_counted_in_an_index(pool: ConnectionPool, owner: UserId) -> None:
    found = await plan(pool, task_queue.COUNT_LIVE, owner=owner, limit=10)
    assert "using ix_tasks_owner_id_status_id on jobs" in found


async def test_a_new_task_reads_no_other_task(
    database: Database, pool: ConnectionPool, owner: UserId
) -> None:
    async with database.write() as tx:
        await tx.task_queue.recount(owner, limit=10)
    values = dict.fromkeys(VALUES) | {"id": new_id(), "owner": owner, "limit": 10}
    found = await plan(pool, task_queue.ADD, **values)
    assert set(re.findall(r"using \w+ on (\w+)", found)) == {"users", "task_quotas"}


async def test_a_task_is_found_by_a_unique_index(pool: ConnectionPool, owner: UserId) -> None:
    values = {"id": new_id(), "owner": owner, "task_id": "1"}
    own_plan = await plan(pool, tasks.GET[False], all_owners=False, **values)
    assert "using ix_jobs_owner_id_id on jobs" in own_plan
    admin_plan = await plan(pool, tasks.GET[False], all_owners=True, **values)
    assert "using pk_jobs on jobs" in admin_plan
    named_plan = await plan(pool, tasks.GET_NAMED[False], **values)
    assert "using uq_jobs_owner_id_task_id on jobs" in named_plan
    live_plan = await plan(pool, tasks.LIVE_OF, ids=[new_id()])
    assert "using pk_jobs on jobs" in live_plan
