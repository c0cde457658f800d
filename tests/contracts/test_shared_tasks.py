"""Tasks that concurrent requests add by one statement."""

import asyncio

import pytest

from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.jobs import task_queue
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.statement import Executor
from jubilee.adapters.postgres.write_context import WriteContext
from jubilee.domain.jobs.store import Dispatch
from jubilee.domain.tasks.task import PayloadTooLarge, Task, TaskRequest
from jubilee.domain.users.user import User
from tests.contracts.accounts import MANY_USERS, NOW, add_users, make_user
from tests.contracts.task_rows import TaskDatabase, make_service, principal_of, task_database
from tests.contracts.test_item_queries import indexes, plan

EMPTY = TaskRequest(data={})
TOO_LARGE = TaskRequest(data={"n": [1e300] * 480})  # as `jsonb` writes the numbers


@pytest.fixture
def dispatched() -> list[Dispatch]:
    """The jobs handed to the dispatcher."""
    return []


@pytest.fixture
def database(pool: ConnectionPool, dispatched: list[Dispatch]) -> TaskDatabase:
    return task_database(
        pool, WriteContext(lambda: NOW, new_id, lambda: "request-1", dispatched.extend)
    )


@pytest.fixture
async def people(database: TaskDatabase, pool: ConnectionPool) -> list[User]:
    """Two accounts that have had tasks, so that their live ones are counted."""
    people = [make_user("zoe"), make_user("eve")]
    await add_users(database, *people)
    for user in people:
        async with database.write() as tx:
            await tx.task_queue.recount(user.id, limit=9)
    return people


async def add(
    database: TaskDatabase, owner: User, request: TaskRequest = EMPTY, limit: int = 9
) -> Task | None:
    async with database.write_one() as one:
        added: Task | None = await one.task_queue.add_shared(
            request, new_id=new_id(), owner=owner.id, limit=limit
        )
        return added


async def test_each_caller_gets_its_own_task(
    database: TaskDatabase, people: list[User], dispatched: list[Dispatch]
) -> None:
    requests = [TaskRequest(data={"n": n}, priority=n) for n in range(6)]
    added = await asyncio.gather(*(add(database, people[n % 2], requests[n]) for n in range(6)))
    assert [task and (task.owner_id, task.data, task.priority) for task in added] == [
        (people[n % 2].id, {"n": n}, n) for n in range(6)
    ]
    ids = {task.id for task in added if task is not None}
    assert {dispatch.reference.id for dispatch in dispatched} == ids


async def test_the_tasks_of_an_account_that_exceed_its_limit_together_are_left_out(
    database: TaskDatabase, people: list[User]
) -> None:
    zoe, eve = people
    added = await asyncio.gather(*(add(database, user, limit=2) for user in (zoe, zoe, zoe, eve)))
    assert [task is not None for task in added] == [False, False, False, True]


async def test_an_account_without_a_count_of_its_tasks_is_left_out(
    database: TaskDatabase, people: list[User], dispatched: list[Dispatch]
) -> None:
    new = make_user("new")
    await add_users(database, new)
    assert await add(database, new) is None
    assert dispatched == []


async def test_a_known_task_is_left_out(database: TaskDatabase, people: list[User]) -> None:
    named = TaskRequest(data={}, task_id="x")
    first, second = await asyncio.gather(*(add(database, people[0], named) for _ in range(2)))
    assert (first is None) != (second is None)
    assert await add(database, people[0], named) is None
    assert await add(database, people[1], named) is not None


async def test_a_locked_account_delays_no_task_of_another(
    database: TaskDatabase, people: list[User]
) -> None:
    zoe, eve = people
    async with database.write() as tx:
        await tx.users.block_new_rows(zoe.id)
        left_out, added = await asyncio.gather(add(database, zoe), add(database, eve))
    assert left_out is None
    assert added is not None


async def test_a_locked_count_delays_no_task_of_another(
    database: TaskDatabase, people: list[User]
) -> None:
    zoe, eve = people
    async with database.write() as tx:
        await tx.task_queue.recount(zoe.id, limit=9)
        left_out, added = await asyncio.gather(add(database, zoe), add(database, eve))
    assert left_out is None
    assert added is not None


async def test_a_task_that_postgresql_refuses_keeps_no_other_from_being_added(
    database: TaskDatabase, pool: ConnectionPool, people: list[User]
) -> None:
    service = make_service(database, pool)
    refused, added = await asyncio.gather(
        service.create(TOO_LARGE, by=principal_of(people[0])),
        service.create(EMPTY, by=principal_of(people[1])),
        return_exceptions=True,
    )
    assert isinstance(refused, PayloadTooLarge)
    assert isinstance(added, Task)


async def test_large_data_are_not_added_with_others(
    database: TaskDatabase, pool: ConnectionPool, people: list[User]
) -> None:
    large = TaskRequest(data={"text": "x" * task_queue.MAX_SHARED_CHARS})
    assert await add(database, people[0], large) is None
    found = await make_service(database, pool).create(large, by=principal_of(people[0]))
    assert found.data == large.data


async def test_tasks_are_dispatched_where_commits_are_followed_by_a_statement(
    pool: ConnectionPool, people: list[User], dispatched: list[Dispatch]
) -> None:
    async def committed(_: Executor) -> None:
        assert dispatched == []

    context = WriteContext(
        lambda: NOW, new_id, lambda: None, dispatched.extend, committed=committed
    )
    added = await add(task_database(pool, context), people[0])
    assert added is not None
    assert [dispatch.reference.id for dispatch in dispatched] == [added.id]


async def test_tasks_are_added_by_indexes(pool: ConnectionPool) -> None:
    async with pool.connection() as driver:
        await driver.execute(MANY_USERS, 5000)
        await driver.execute("INSERT INTO task_quotas SELECT id, 1 FROM users")
        await driver.execute("ANALYZE users, task_quotas")
        owners = [row["id"] for row in await driver.fetch("SELECT id FROM users LIMIT 3")]
    texts = ("task_id", "kind", "data", "correlation_id", "trace_context")
    values: dict[str, object] = {name: ["{}"] * 3 for name in texts}
    values |= {"priority": [5] * 3, "run_at": [None] * 3, "limit": [9] * 3}
    nodes = await plan(pool, task_queue.ADD_SHARED, keys=owners, owner=owners, **values)
    assert indexes(nodes) == {"pk_task_quotas", "pk_users"}
    assert "Seq Scan" not in {node["Node Type"] for node in nodes}
