"""Tasks, in memory and in PostgreSQL."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from jubilee.adapters.ids import new_id
from jubilee.domain.tasks.task import (
    TaskFilter,
    TaskIdTaken,
    TaskStatus,
)
from jubilee.domain.users.user import User
from tests.contracts.accounts import NOW, add_users, make_user
from tests.contracts.conftest import Database
from tests.contracts.task_rows import (
    add_task,
    add_tasks,
    add_unowned,
    find,
    find_same,
    insert_task,
    list_tasks,
    make_task,
    set_status,
)

QUEUED, RUNNING, DEAD = TaskStatus.QUEUED, TaskStatus.RUNNING, TaskStatus.DEAD


@pytest.fixture
async def zoe(database: Database) -> User:
    user = make_user("zoe")
    await add_users(database, user)
    return user


@pytest.fixture
async def eve(database: Database) -> User:
    user = make_user("eve")
    await add_users(database, user)
    return user


async def test_a_new_task_has_the_requested_fields(database: Database, zoe: User) -> None:
    data = {"\u00fc": [None, True, 1, 1.5, {"x": "\U0001f389"}], "": {}}
    task = await add_task(database, zoe, data=data, priority=0, task_id="a:b")
    assert (task.data, task.priority, task.task_id, task.kind) == (data, 0, "a:b", "echo")
    assert (task.status, task.attempts, task.max_attempts) == (QUEUED, 0, 10)
    assert (task.run_at, task.owner_id) == (task.created_at, zoe.id)
    assert {task.progress, task.started_at, task.finished_at, task.cancel_requested_at} == {None}
    assert await find(database, "a:b", zoe) == task


async def test_run_at_in_the_past_is_now_and_beyond_the_limit_refused(
    database: Database, zoe: User
) -> None:
    later = NOW + timedelta(days=9000)
    assert (await add_task(database, zoe, run_at=later)).run_at == later
    past = await add_task(database, zoe, run_at=NOW - timedelta(days=9000))
    assert past.run_at == past.created_at


async def test_a_task_is_found_by_id_and_by_its_owners_task_id(
    database: Database, zoe: User, eve: User
) -> None:
    task = await add_task(database, zoe, task_id="mine")
    task_key = str(task.id)
    assert await find(database, "mine", zoe) == task
    assert await find(database, task_key, zoe) == task
    assert await find(database, task_key.upper(), zoe) == task
    assert await find(database, "mine", eve) is None
    assert await find(database, task_key, eve) is None
    assert await find(database, task_key, eve, admin=True) == task
    assert await find(database, "mine", eve, admin=True) is None
    assert await find(database, task_key.replace("-", ""), zoe) is None


async def test_an_id_takes_precedence_over_an_equal_task_id(
    database: Database, zoe: User, eve: User
) -> None:
    first = await add_task(database, zoe)
    second = await add_task(database, zoe, task_id=str(new_id()))
    third = await add_task(database, zoe, task_id=str(second.id))
    theirs = await add_task(database, eve, task_id=str(first.id))
    assert await find(database, str(second.id), zoe) == second
    assert await find(database, second.task_id, zoe) == second
    assert await find(database, str(third.id), zoe) == third
    assert await find(database, str(first.id), eve) == theirs


async def test_internal_jobs_are_visible_only_to_admins(
    database: Database, zoe: User, eve: User
) -> None:
    job = await add_unowned(database, zoe)
    assert await find(database, str(job.id), zoe) is None
    found = await find(database, str(job.id), eve, admin=True)
    assert found is not None
    assert (found.id, found.task_id, found.owner_id) == (job.id, str(job.id), None)
    assert (found.data, found.status, found.kind) == ({"n": 1}, QUEUED, "email.welcome")


async def test_an_unowned_task_is_cancelled_retried_and_removed(
    database: Database, zoe: User
) -> None:
    job = await add_unowned(database, zoe)
    async with database.write() as tx:
        assert (await tx.tasks.cancel(job.id)).status is TaskStatus.CANCELLED
        assert (await tx.task_queue.retry(job.id)).status is QUEUED
        assert (await tx.tasks.request_cancel(job.id)).cancel_requested
        await tx.tasks.remove(job.id)
    assert await list_tasks(database, TaskFilter()) == []


async def test_a_task_id_is_unique_per_owner(database: Database, zoe: User, eve: User) -> None:
    first, second = make_task(zoe, task_id="x"), make_task(zoe, task_id="x")
    one, two, theirs = await add_tasks(database, first, second, make_task(eve, task_id="x"))
    assert one is not None
    assert two is None
    assert theirs is not None


async def test_the_task_of_an_equal_request_is_found(
    database: Database, zoe: User, eve: User
) -> None:
    data = {"a": [1, {"b": None}], "c": 1e300, "d": "\u00e9"}
    task = await add_task(database, zoe, task_id="x", data=data)
    ended = await set_status(database, task, DEAD)
    again = make_task(zoe, task_id="x", data=dict(reversed(data.items())))
    async with database.write() as tx:
        assert await find_same(tx, again) == ended
        other = replace(again, request=replace(again.request, task_id="y"))
        assert await find_same(tx, other) is None
        assert await find_same(tx, replace(again, owner_id=eve.id)) is None


@pytest.mark.parametrize("other", [{"kind": "other"}, {"data": {"n": True}}, {"data": {"n": "1"}}])
async def test_another_request_with_its_task_id_is_refused(
    database: Database, zoe: User, other: dict[str, object]
) -> None:
    await add_task(database, zoe, task_id="x")
    async with database.read() as view:
        with pytest.raises(TaskIdTaken):
            await find_same(view, make_task(zoe, task_id="x", **other))


async def test_only_live_tasks_of_the_owner_count_towards_the_limit(
    database: Database, zoe: User, eve: User
) -> None:
    tasks = [await add_task(database, zoe) for _ in range(4)]
    await set_status(database, tasks[0], RUNNING)
    await set_status(database, tasks[1], DEAD)
    await set_status(database, tasks[2], TaskStatus.SUCCEEDED)
    await add_unowned(database, zoe)
    assert await add_tasks(database, make_task(zoe), limit=2) == [None]
    assert None not in await add_tasks(database, make_task(zoe), make_task(eve), limit=3)
    assert await add_tasks(database, make_task(zoe), limit=3) == [None]


async def test_a_retried_task_counts_towards_the_limit(database: Database, zoe: User) -> None:
    async with database.write() as tx:
        await tx.task_queue.recount(zoe.id, limit=2)
        assert await tx.task_queue.admit(zoe.id, limit=2)
        await insert_task(tx, make_task(zoe), limit=2)
        assert await tx.task_queue.admit(zoe.id, limit=2)
        assert not await tx.task_queue.admit(zoe.id, limit=1)


async def test_a_queued_task_is_cancelled(database: Database, zoe: User) -> None:
    task = await add_task(database, zoe)
    async with database.write() as tx:
        cancelled = await tx.tasks.cancel(task.id)
    assert cancelled.finished_at is not None
    assert cancelled == replace(
        task, status=TaskStatus.CANCELLED, finished_at=cancelled.finished_at
    )
    assert await find(database, str(task.id), zoe) == cancelled


async def test_the_cancellation_of_a_running_task_is_requested_once(
    database: Database, zoe: User
) -> None:
    task = await set_status(database, await add_task(database, zoe), RUNNING)
    async with database.write() as tx:
        requested = await tx.tasks.request_cancel(task.id)
    assert requested.cancel_requested
    assert requested == replace(task, cancel_requested_at=requested.cancel_requested_at)
    async with database.write() as tx:
        assert await tx.tasks.request_cancel(task.id) == requested


async def test_a_task_is_removed(database: Database, zoe: User) -> None:
    task, other = await add_task(database, zoe), await add_task(database, zoe)
    async with database.write() as tx:
        await tx.tasks.remove(task.id)
    assert await list_tasks(database, TaskFilter()) == [other]


async def test_retrying_a_dead_task_queues_it(database: Database, zoe: User) -> None:
    new = await add_task(database, zoe)
    dead = await set_status(database, new, DEAD)
    async with database.write() as tx:
        again = await tx.task_queue.retry(dead.id)
    assert again == replace(
        new, run_at=again.run_at, error={"code": "x"}, started_at=dead.started_at
    )
    assert again.run_at >= new.run_at


async def test_a_retried_task_is_due_at_once(database: Database, zoe: User) -> None:
    run_at = NOW + timedelta(days=9)
    dead = await set_status(database, await add_task(database, zoe, run_at=run_at), DEAD)
    assert dead.run_at == run_at
    async with database.write() as tx:
        again = await tx.task_queue.retry(dead.id)
    assert again.run_at < NOW + timedelta(hours=1)


async def test_deleting_an_account_deletes_its_tasks(
    database: Database, zoe: User, eve: User
) -> None:
    await add_task(database, zoe)
    theirs = await add_task(database, eve)
    async with database.write() as tx:
        await tx.users.delete(zoe.id)
    assert await list_tasks(database, TaskFilter()) == [theirs]


async def test_a_rolled_back_transaction_adds_no_task(database: Database, zoe: User) -> None:
    with suppress(ZeroDivisionError):
        async with database.write() as tx:
            await insert_task(tx, make_task(zoe), limit=9)
            raise ZeroDivisionError
    assert await list_tasks(database, TaskFilter()) == []


async def test_a_retried_task_is_no_longer_asked_to_stop(database: Database, zoe: User) -> None:
    task = await set_status(database, await add_task(database, zoe), TaskStatus.RUNNING)
    async with database.write() as tx:
        await tx.tasks.request_cancel(task.id)
    await set_status(database, task, TaskStatus.DEAD)
    async with database.write() as tx:
        assert (await tx.task_queue.retry(task.id)).cancel_requested_at is None
