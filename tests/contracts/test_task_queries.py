"""What PostgreSQL alone decides of tasks: races, indexes, and when the courier hears of them."""

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
from jubilee.adapters.postgres.transaction import WriteContext, transactions, views
from jubilee.domain.auth.tokens import InvalidToken
from jubilee.domain.identity import UserId
from jubilee.domain.jobs.kinds import JobKinds, JobQueueName
from jubilee.domain.jobs.queue import NewJob
from jubilee.domain.jobs.store import Dispatch, JobReference
from jubilee.domain.jobs.waiter import JobWaiter
from jubilee.domain.tasks import service
from jubilee.domain.tasks.echo import Echo
from jubilee.domain.tasks.service import TaskService
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
from tests.contracts.accounts import NOW, a_user, kept
from tests.contracts.conftest import Database
from tests.contracts.task_rows import a_kept_task, a_task, become, by


@pytest.fixture
def heard() -> list[Dispatch]:
    """What the courier was told."""
    return []


@pytest.fixture
def database(pool: ConnectionPool, heard: list[Dispatch]) -> Database:
    write_context = WriteContext(lambda: NOW, new_id, lambda: "request-1", heard.extend)
    return Database(transactions(pool, write_context), views(pool, write_context))


@pytest.fixture
async def zoe(database: Database) -> User:
    user = a_user("zoe")
    await kept(database, user)
    return user


def tasks(database: Database, pool: ConnectionPool, most: int = 10_000) -> TaskService:
    return TaskService(
        write=database.write,
        read=database.read,
        kinds=JobKinds([Echo()]),
        waiter=JobWaiter(PostgresLiveJobs(pool)),
        clock=lambda: NOW,
        new_id=new_id,
        max_live_per_owner=most,
    )


async def results(calls: Iterable[Any]) -> tuple[list[Task], list[BaseException]]:
    """What they gave, and what they raised."""
    answers = await asyncio.gather(*calls, return_exceptions=True)
    refusals = [answer for answer in answers if isinstance(answer, BaseException)]
    return [answer for answer in answers if isinstance(answer, Task)], refusals


@pytest.mark.parametrize("margin", [1000, 4])
async def test_the_limit_holds_however_many_ask_at_once(
    database: Database,
    pool: ConnectionPool,
    zoe: User,
    monkeypatch: pytest.MonkeyPatch,
    margin: int,
) -> None:
    monkeypatch.setattr(
        service, "SHARED_LOCK_MARGIN_TASKS", margin
    )  # four connections: four at a time at most
    limited = tasks(database, pool, most=7)
    request = TaskRequest(data={})
    given, refused = await results(limited.create(request, by=by(zoe)) for _ in range(30))
    assert (len(given), {type(error) for error in refused}) == (7, {TooManyTasks})
    for task in given[:3]:
        await become(database, task, TaskStatus.DEAD)
    calls = [limited.retry(str(task.id), by=by(zoe)) for task in given[:3]]
    again, refused = await results(
        [*calls, *(limited.create(request, by=by(zoe)) for _ in range(9))]
    )
    assert (len(again), {type(error) for error in refused}) == (3, {TooManyTasks})


async def test_the_same_request_at_once_is_one_task(
    database: Database, pool: ConnectionPool, zoe: User, heard: list[Dispatch]
) -> None:
    asked = tasks(database, pool)
    same, other = (TaskRequest(data={"n": n}, task_id="x") for n in (1, 2))
    calls = [asked.create(same, by=by(zoe)) for _ in range(20)]
    given, refused = await results(calls)
    assert ({task.id for task in given}, refused) == ({given[0].id}, [])
    assert len(given) == 20
    assert [dispatch.reference.id for dispatch in heard] == [given[0].id]
    with pytest.raises(TaskIdTaken):
        await asked.create(other, by=by(zoe))


async def test_being_alone_waits_for_all_others_and_only_for_this_owners(
    database: Database, zoe: User
) -> None:
    async with database.write() as third:
        async with database.write() as first, database.write() as second:
            await first.tasks.lock_quota(zoe.id, exclusive=False)
            await second.tasks.lock_quota(zoe.id, exclusive=False)
            exclusive = asyncio.create_task(third.tasks.lock_quota(zoe.id, exclusive=True))
            async with database.write() as fourth:
                await fourth.tasks.lock_quota(UserId(new_id()), exclusive=True)
            await asyncio.sleep(0.05)
            assert not exclusive.done()
        await asyncio.wait_for(exclusive, 5)


async def test_what_is_due_is_told_after_the_commit_and_nothing_else(
    database: Database, zoe: User, heard: list[Dispatch]
) -> None:
    due = a_task(zoe, priority=2)
    async with database.write() as tx:
        await tx.tasks.add(due, below=9)
        await tx.tasks.add(a_task(zoe, run_at=NOW + timedelta(days=1)), below=9)
        assert heard == []
    assert heard == [Dispatch(JobReference(due.id, 0), JobQueueName.USER, 2, "echo")]
    with suppress(ZeroDivisionError):
        async with database.write() as tx:
            await tx.tasks.add(a_task(zoe), below=9)
            raise ZeroDivisionError
    assert len(heard) == 1


async def test_a_dead_one_is_told_again_with_its_epoch(
    database: Database, pool: ConnectionPool, zoe: User, heard: list[Dispatch]
) -> None:
    task = await become(database, await a_kept_task(database, zoe), TaskStatus.DEAD)
    await tasks(database, pool).retry(str(task.id), by=by(zoe))
    assert heard[1:] == [Dispatch(JobReference(task.id, 4), JobQueueName.USER, 5, "echo")]
    async with pool.connection() as driver:
        row = await driver.fetchrow("SELECT * FROM jobs WHERE id = $1", task.id)
    assert row is not None
    assert (row["epoch"], row["dispatched_at"], row["finished_at"]) == (4, None, None)


async def test_a_dead_one_that_no_account_asked_for_is_told_to_its_own_lane(
    database: Database, pool: ConnectionPool, zoe: User, heard: list[Dispatch]
) -> None:
    job = NewJob(id=new_id(), kind="email.welcome", owner_id=zoe.id)
    async with database.write() as tx:
        await tx.jobs.add(job)
        task = await tx.tasks.get(str(job.id), by=by(zoe, admin=True))
    await become(database, task, TaskStatus.DEAD)
    await tasks(database, pool).retry(str(job.id), by=by(zoe, admin=True))
    assert heard[1:] == [Dispatch(JobReference(job.id, 4), JobQueueName.SYSTEM, 5, "email.welcome")]


UNREADABLE = [
    '{"n": ' + "9" * 5000 + "}",
    '{"n": ' + "[" * 300 + "]" * 300 + "}",
    '{"n": ' + "[" * 5000 + "]" * 5000 + "}",
]


@pytest.mark.parametrize("data", UNREADABLE, ids=["digits", "deep", "deeper"])
async def test_what_a_producer_wrote_and_python_cannot_read_breaks_no_list(
    database: Database, pool: ConnectionPool, zoe: User, data: str
) -> None:
    async with pool.connection() as driver:
        job = await driver.fetchval("SELECT jubilee.enqueue('echo', CAST($1::text AS jsonb))", data)
    admin, asked = by(zoe, admin=True), tasks(database, pool)
    [found] = (await asked.list(TaskFilter(), by=admin, after=None, limit=9)).rows
    assert (found.id, found.data) == (job, {})
    assert TaskReply.of(await asked.get(str(job), by=admin)).model_dump_json()


async def test_brackets_in_texts_do_not_count_as_depth(
    database: Database, pool: ConnectionPool, zoe: User
) -> None:
    data = {"text": "[{" * 300}
    assert (await a_kept_task(database, zoe, data=data)).data == data


async def test_a_row_is_ready_for_the_workers(
    database: Database, pool: ConnectionPool, zoe: User
) -> None:
    await a_kept_task(database, zoe, priority=9)
    async with pool.connection() as driver:
        row = await driver.fetchrow("SELECT * FROM jobs")
    assert row is not None
    assert (row["lane"], row["priority"], row["epoch"]) == ("user", 9, 0)
    assert (row["key"], row["correlation_id"]) == (None, "request-1")
    assert (row["dispatched_at"], row["lease_until"]) == (None, None)


async def test_numbers_that_grow_in_the_database_are_refused(
    database: Database, pool: ConnectionPool, zoe: User
) -> None:
    request = TaskRequest(data={"n": [1e300] * 1000})
    with pytest.raises(PayloadTooLarge):
        await tasks(database, pool).create(request, by=by(zoe))


async def test_an_account_that_has_gone_meanwhile_gets_no_task(
    database: Database, pool: ConnectionPool
) -> None:
    with pytest.raises(InvalidToken):
        await tasks(database, pool).create(TaskRequest(data={}), by=by(a_user("gone")))


async def test_what_has_ended_or_is_gone_lives_no_more(
    database: Database, pool: ConnectionPool, zoe: User
) -> None:
    kept_ones = [await a_kept_task(database, zoe) for _ in TaskStatus]
    for task, status in zip(kept_ones, TaskStatus, strict=True):
        await become(database, task, status)
    ids = [task.id for task in kept_ones]
    assert await PostgresLiveJobs(pool).live([*ids, new_id()]) == set(ids[:2])


async def test_a_wait_holds_no_connection_and_ends_with_the_task(
    database: Database, pool: ConnectionPool, zoe: User
) -> None:
    asked = tasks(database, pool)
    task = await asked.create(TaskRequest(data={}), by=by(zoe))
    wait_options = service.WaitOptions(lambda: 9.0, lambda: False)
    waits = [  # many more than there are connections
        asyncio.create_task(asked.get(str(task.id), by=by(zoe), wait=wait_options))
        for _ in range(30)
    ]
    await asyncio.sleep(0.05)
    ended = await become(database, task, TaskStatus.SUCCEEDED)
    assert await asyncio.wait_for(asyncio.gather(*waits), 2) == [ended] * 30


async def test_no_more_rows_are_read_than_a_page_needs(
    database: Database, pool: ConnectionPool, zoe: User
) -> None:
    for status in (TaskStatus.DEAD, TaskStatus.SUCCEEDED):
        for _ in range(3):
            await become(database, await a_kept_task(database, zoe), status)
    statement = page_statement(OwnerScope.OWNED, of_kind=False, continued=False)
    values = {"owner": zoe.id, "kind": None, "last": None, "bytes": 10**6, "rows": 2}
    async with pool.executor() as executor:
        found = await executor.all(statement, statuses=list(TaskStatus), **values)
    assert [row["there"] for row in found] == [2, 2]
