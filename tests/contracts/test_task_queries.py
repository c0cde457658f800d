"""What PostgreSQL alone decides of tasks: races, indexes, and when the courier hears of them."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta
from itertools import product
from time import monotonic
from typing import Any
from uuid import UUID

import pytest

from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres import tasks as module
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.statement import Statement
from jubilee.adapters.postgres.task_pages import page_statement
from jubilee.adapters.postgres.tasks import PostgresLiveJobs
from jubilee.adapters.postgres.transaction import Stamp, transactions, views
from jubilee.domain.auth.tokens import InvalidToken
from jubilee.domain.identity import UserId
from jubilee.domain.jobs.claims import Dispatch, Reference
from jubilee.domain.jobs.kinds import Kinds, Lane
from jubilee.domain.jobs.waiting import Waiting
from jubilee.domain.tasks import service
from jubilee.domain.tasks.echo import Echo
from jubilee.domain.tasks.service import TaskService
from jubilee.domain.tasks.task import (
    PayloadTooLarge,
    Task,
    TaskIdTaken,
    TaskRequest,
    TaskStatus,
    TooManyTasks,
)
from jubilee.domain.users import User
from tests.contracts.accounts import NOW, a_user, kept
from tests.contracts.conftest import Database
from tests.contracts.task_rows import a_kept_task, a_task, become, by

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
    (True, False): "ix_tasks_owner_id_status_id",
    (True, True): "ix_tasks_owner_id_kind_status_id",
    (False, False): "ix_tasks_status_id",
    (False, True): "ix_tasks_kind_status_id",
}
"""By whether the list is one owner's, and whether it is one kind's."""


@pytest.fixture
def heard() -> list[Dispatch]:
    """What the courier was told."""
    return []


@pytest.fixture
def database(pool: ConnectionPool, heard: list[Dispatch]) -> Database:
    stamp = Stamp(lambda: NOW, new_id, lambda: "request-1", heard.extend)
    return Database(transactions(pool, stamp), views(pool, stamp))


@pytest.fixture
async def zoe(database: Database) -> User:
    user = a_user("zoe")
    await kept(database, user)
    return user


def tasks(database: Database, pool: ConnectionPool, most: int = 10_000) -> TaskService:
    return TaskService(
        write=database.write,
        read=database.read,
        kinds=Kinds([Echo()]),
        waiting=Waiting(PostgresLiveJobs(pool)),
        clock=lambda: NOW,
        new_id=new_id,
        most=most,
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
    monkeypatch.setattr(service, "MARGIN", margin)  # four connections: four at a time at most
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
            await first.tasks.take_turn(zoe.id, alone=False)
            await second.tasks.take_turn(zoe.id, alone=False)
            alone = asyncio.create_task(third.tasks.take_turn(zoe.id, alone=True))
            async with database.write() as fourth:
                await fourth.tasks.take_turn(UserId(new_id()), alone=True)
            await asyncio.sleep(0.05)
            assert not alone.done()
        await asyncio.wait_for(alone, 5)


async def test_what_is_due_is_told_after_the_commit_and_nothing_else(
    database: Database, zoe: User, heard: list[Dispatch]
) -> None:
    due = a_task(zoe, priority=2)
    async with database.write() as tx:
        await tx.tasks.add(due, below=9)
        await tx.tasks.add(a_task(zoe, run_at=NOW + timedelta(days=1)), below=9)
        assert heard == []
    assert heard == [Dispatch(Reference(due.id, 0), Lane.USER, 2)]
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
    assert heard[1:] == [Dispatch(Reference(task.id, 4), Lane.USER, 5)]
    async with pool.connection() as driver:
        row = await driver.fetchrow("SELECT * FROM jobs WHERE id = $1", task.id)
    assert row is not None
    assert (row["epoch"], row["dispatched_at"], row["finished_at"]) == (4, None, None)


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
    patience = service.Patience(monotonic() + 9, lambda: False)
    waits = [  # many more than there are connections
        asyncio.create_task(asked.get(str(task.id), by=by(zoe), patience=patience))
        for _ in range(30)
    ]
    await asyncio.sleep(0.05)
    ended = await become(database, task, TaskStatus.SUCCEEDED)
    assert await asyncio.wait_for(asyncio.gather(*waits), 2) == [ended] * 30


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
    for owned, of_kind, continued in product((False, True), repeat=3):
        statement = page_statement(owned=owned, of_kind=of_kind, continued=continued)
        values = {"owner": crowd, "kind": "kind 1", "last": UUID(int=1 << 127)}
        values |= {"rows": 21, "bytes": 1000}
        for statuses in (list(TaskStatus), ["dead"]):
            shown = await plan(pool, statement, statuses=statuses, **values)
            assert f"using {LISTS[owned, of_kind]} on jobs" in shown, shown
            filters = [line for line in shown.splitlines() if "Filter" in line]
            assert ["so_far" in line for line in filters] == [True], shown


async def test_the_live_ones_are_counted_in_an_index(pool: ConnectionPool, crowd: UserId) -> None:
    shown = await plan(pool, module.COUNT_LIVE, owner=crowd, most=10)
    assert "using ix_tasks_owner_id_status_id on jobs" in shown


async def test_one_task_is_found_by_a_key(pool: ConnectionPool, crowd: UserId) -> None:
    values = {"id": new_id(), "owner": crowd, "task_id": "1"}
    own = await plan(pool, module.GET[False], anybody=False, **values)
    assert "using ix_jobs_owner_id_id on jobs" in own
    anybodys = await plan(pool, module.GET[False], anybody=True, **values)
    assert "using pk_jobs on jobs" in anybodys
    named = await plan(pool, module.GET_NAMED[False], **values)
    assert "using uq_jobs_owner_id_task_id on jobs" in named
    live = await plan(pool, module.LIVE_OF, ids=[new_id()])
    assert "using pk_jobs on jobs" in live
