"""Tasks in PostgreSQL only: races, limits, and dispatching after the commit."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.jobs.task_pages import OwnerScope, page_statement
from jubilee.adapters.postgres.jobs.tasks import PostgresLiveJobs
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.write_context import WriteContext
from jubilee.domain.auth.tokens import InvalidToken
from jubilee.domain.jobs.kinds import JobQueueName
from jubilee.domain.jobs.queue import NewJob
from jubilee.domain.jobs.store import Dispatch, JobReference
from jubilee.domain.tasks import service
from jubilee.domain.tasks.task import (
    PayloadTooLarge,
    Task,
    TaskFilter,
    TaskIdTaken,
    TaskRequest,
    TaskStatus,
    TooManyTasks,
)
from jubilee.domain.users.user import User
from jubilee.entrypoints.http.task_models import TaskReply
from tests.contracts.accounts import NOW, add_users, make_user
from tests.contracts.task_rows import (
    TaskDatabase,
    add_task,
    insert_task,
    make_service,
    make_task,
    principal_of,
    set_status,
    task_database,
)


@pytest.fixture
def dispatched() -> list[Dispatch]:
    """The jobs handed to the dispatcher."""
    return []


@pytest.fixture
def database(pool: ConnectionPool, dispatched: list[Dispatch]) -> TaskDatabase:
    write_context = WriteContext(lambda: NOW, new_id, lambda: "request-1", dispatched.extend)
    return task_database(pool, write_context)


@pytest.fixture
async def zoe(database: TaskDatabase) -> User:
    user = make_user("zoe")
    await add_users(database, user)
    return user


async def gather_results(calls: Iterable[Any]) -> tuple[list[Task], list[BaseException]]:
    """Return the tasks, and the errors raised."""
    answers = await asyncio.gather(*calls, return_exceptions=True)
    refusals = [answer for answer in answers if isinstance(answer, BaseException)]
    return [answer for answer in answers if isinstance(answer, Task)], refusals


async def test_the_limit_of_live_tasks_holds_for_parallel_calls(
    database: TaskDatabase, pool: ConnectionPool, zoe: User
) -> None:
    limited = make_service(database, pool, max_live=7)
    request = TaskRequest(data={})
    created, refused = await gather_results(
        limited.create(request, by=principal_of(zoe)) for _ in range(30)
    )
    assert (len(created), {type(error) for error in refused}) == (7, {TooManyTasks})
    for task in created[:3]:
        await set_status(database, task, TaskStatus.DEAD)
    calls = [limited.retry(str(task.id), by=principal_of(zoe)) for task in created[:3]]
    again, refused = await gather_results(
        [*calls, *(limited.create(request, by=principal_of(zoe)) for _ in range(9))]
    )
    assert (len(again), {type(error) for error in refused}) == (3, {TooManyTasks})


async def test_parallel_equal_requests_make_one_task(
    database: TaskDatabase, pool: ConnectionPool, zoe: User, dispatched: list[Dispatch]
) -> None:
    task_service = make_service(database, pool)
    same, other = (TaskRequest(data={"n": n}, task_id="x") for n in (1, 2))
    calls = [task_service.create(same, by=principal_of(zoe)) for _ in range(20)]
    created, refused = await gather_results(calls)
    assert ({task.id for task in created}, refused) == ({created[0].id}, [])
    assert len(created) == 20
    assert [dispatch.reference.id for dispatch in dispatched] == [created[0].id]
    with pytest.raises(TaskIdTaken):
        await task_service.create(other, by=principal_of(zoe))


async def test_tasks_that_ended_make_room_at_the_limit(
    database: TaskDatabase, pool: ConnectionPool, zoe: User
) -> None:
    limited, request = make_service(database, pool, max_live=3), TaskRequest(data={})
    tasks = [await limited.create(request, by=principal_of(zoe)) for _ in range(3)]
    for task in tasks[:2]:
        await set_status(database, task, TaskStatus.SUCCEEDED)
    created, refused = await gather_results(
        limited.create(request, by=principal_of(zoe)) for _ in range(6)
    )
    assert (len(created), {type(error) for error in refused}) == (2, {TooManyTasks})


async def test_a_lower_limit_holds_at_once(
    database: TaskDatabase, pool: ConnectionPool, zoe: User
) -> None:
    for _ in range(3):
        await make_service(database, pool).create(TaskRequest(data={}), by=principal_of(zoe))
    limited = make_service(database, pool, max_live=3)
    with pytest.raises(TooManyTasks):
        await limited.create(TaskRequest(data={}), by=principal_of(zoe))


async def test_a_recount_holds_off_tasks_of_its_owner_only(
    database: TaskDatabase, pool: ConnectionPool, zoe: User
) -> None:
    eve, task_service = make_user("eve"), make_service(database, pool)
    await add_users(database, eve)
    async with database.write() as tx:
        await tx.task_queue.recount(zoe.id, limit=9)
        waiting = asyncio.create_task(
            task_service.create(TaskRequest(data={}), by=principal_of(zoe))
        )
        await task_service.create(TaskRequest(data={}), by=principal_of(eve))
        await asyncio.sleep(0.05)
        assert not waiting.done()
    await asyncio.wait_for(waiting, 5)


@pytest.mark.parametrize("max_live", [9, 1])
async def test_a_task_does_not_deadlock_with_the_deletion_of_its_account(
    database: TaskDatabase, pool: ConnectionPool, zoe: User, max_live: int
) -> None:
    limited, request = make_service(database, pool, max_live), TaskRequest(data={})
    await limited.create(request, by=principal_of(zoe))
    async with database.write() as tx:
        await tx.users.block_new_rows(zoe.id)
        waiting = asyncio.create_task(limited.create(request, by=principal_of(zoe)))
        await asyncio.sleep(0.05)
        await tx.users.delete(zoe.id)
    with pytest.raises(InvalidToken):
        await asyncio.wait_for(waiting, 5)


async def test_a_due_task_is_dispatched_after_the_commit(
    database: TaskDatabase, zoe: User, dispatched: list[Dispatch]
) -> None:
    due = make_task(zoe, priority=2)
    async with database.write() as tx:
        await insert_task(tx, due, limit=9)
        await insert_task(tx, make_task(zoe, run_at=NOW + timedelta(days=1)), limit=9)
        assert dispatched == []
    assert dispatched == [Dispatch(JobReference(due.id, 0), JobQueueName.USER, 2, "echo")]
    with suppress(ZeroDivisionError):
        async with database.write() as tx:
            await insert_task(tx, make_task(zoe), limit=9)
            raise ZeroDivisionError
    assert len(dispatched) == 1


async def test_a_retried_task_is_dispatched_with_its_epoch(
    database: TaskDatabase, pool: ConnectionPool, zoe: User, dispatched: list[Dispatch]
) -> None:
    task = await set_status(database, await add_task(database, zoe), TaskStatus.DEAD)
    await make_service(database, pool).retry(str(task.id), by=principal_of(zoe))
    assert dispatched[1:] == [Dispatch(JobReference(task.id, 4), JobQueueName.USER, 5, "echo")]
    async with pool.connection() as driver:
        row = await driver.fetchrow("SELECT * FROM jobs WHERE id = $1", task.id)
    assert row is not None
    assert (row["epoch"], row["dispatched_at"], row["finished_at"]) == (4, None, None)


async def test_a_retried_internal_job_is_dispatched_to_the_system_queue(
    database: TaskDatabase, pool: ConnectionPool, zoe: User, dispatched: list[Dispatch]
) -> None:
    job = NewJob(id=new_id(), kind="email.welcome", owner_id=zoe.id)
    async with database.write() as tx:
        await tx.jobs.add(job)
        task = await tx.tasks.get(str(job.id), by=principal_of(zoe, admin=True))
    await set_status(database, task, TaskStatus.DEAD)
    await make_service(database, pool).retry(str(job.id), by=principal_of(zoe, admin=True))
    assert dispatched[1:] == [
        Dispatch(JobReference(job.id, 4), JobQueueName.SYSTEM, 5, "email.welcome")
    ]


UNREADABLE = [
    '{"n": ' + "9" * 5000 + "}",
    '{"n": ' + "[" * 300 + "]" * 300 + "}",
    '{"n": ' + "[" * 5000 + "]" * 5000 + "}",
]


@pytest.mark.parametrize("data", UNREADABLE, ids=["digits", "deep", "deeper"])
async def test_a_payload_that_python_cannot_parse_is_shown_as_empty(
    database: TaskDatabase, pool: ConnectionPool, zoe: User, data: str
) -> None:
    async with pool.connection() as driver:
        job = await driver.fetchval("SELECT jubilee.enqueue('echo', CAST($1::text AS jsonb))", data)
    admin, task_service = principal_of(zoe, admin=True), make_service(database, pool)
    [found] = (await task_service.list(TaskFilter(), by=admin, after=None, limit=9)).rows
    assert (found.id, found.data) == (job, {})
    assert TaskReply.of(await task_service.get(str(job), by=admin)).model_dump_json()


async def test_brackets_in_texts_do_not_count_as_depth(
    database: TaskDatabase, pool: ConnectionPool, zoe: User
) -> None:
    data = {"text": "[{" * 300}
    assert (await add_task(database, zoe, data=data)).data == data


async def test_a_new_row_has_the_defaults_of_a_queued_job(
    database: TaskDatabase, pool: ConnectionPool, zoe: User
) -> None:
    await add_task(database, zoe, priority=9)
    async with pool.connection() as driver:
        row = await driver.fetchrow("SELECT * FROM jobs")
    assert row is not None
    assert (row["lane"], row["priority"], row["epoch"]) == ("user", 9, 0)
    assert (row["key"], row["correlation_id"]) == (None, "request-1")
    assert (row["dispatched_at"], row["lease_until"]) == (None, None)


async def test_a_payload_that_grows_beyond_the_limit_in_jsonb_is_refused(
    database: TaskDatabase, pool: ConnectionPool, zoe: User
) -> None:
    request = TaskRequest(data={"n": [1e300] * 1000})
    with pytest.raises(PayloadTooLarge):
        await make_service(database, pool).create(request, by=principal_of(zoe))


async def test_creating_a_task_for_a_deleted_account_is_refused(
    database: TaskDatabase, pool: ConnectionPool
) -> None:
    with pytest.raises(InvalidToken):
        await make_service(database, pool).create(
            TaskRequest(data={}), by=principal_of(make_user("gone"))
        )


async def test_only_queued_and_running_tasks_are_live(
    database: TaskDatabase, pool: ConnectionPool, zoe: User
) -> None:
    all_tasks = [await add_task(database, zoe) for _ in TaskStatus]
    for task, status in zip(all_tasks, TaskStatus, strict=True):
        await set_status(database, task, status)
    ids = [task.id for task in all_tasks]
    assert await PostgresLiveJobs(pool).live([*ids, new_id()]) == set(ids[:2])


async def test_a_wait_holds_no_connection_and_ends_with_the_task(
    database: TaskDatabase, pool: ConnectionPool, zoe: User
) -> None:
    task_service = make_service(database, pool)
    task = await task_service.create(TaskRequest(data={}), by=principal_of(zoe))
    wait_options = service.WaitOptions(lambda: 60.0, lambda: False)
    waits = [  # many more than there are connections
        asyncio.create_task(task_service.get(str(task.id), by=principal_of(zoe), wait=wait_options))
        for _ in range(30)
    ]
    await asyncio.sleep(0.05)
    ended = await set_status(database, task, TaskStatus.SUCCEEDED)
    assert await asyncio.wait_for(asyncio.gather(*waits), 30) == [ended] * 30


async def test_a_page_reads_no_more_rows_than_it_needs(
    database: TaskDatabase, pool: ConnectionPool, zoe: User
) -> None:
    for status in (TaskStatus.DEAD, TaskStatus.SUCCEEDED):
        for _ in range(3):
            await set_status(database, await add_task(database, zoe), status)
    statement = page_statement(OwnerScope.OWNED, of_kind=False, continued=False)
    values = {"owner": zoe.id, "kind": None, "last": None, "bytes": 10**6, "rows": 2}
    async with pool.executor() as executor:
        found = await executor.all(statement, statuses=list(TaskStatus), **values)
    assert [row["there"] for row in found] == [2, 2]
