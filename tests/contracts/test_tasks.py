"""Tasks, in memory and in PostgreSQL alike."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from jubilee.adapters.ids import new_id
from jubilee.domain.jobs.queue import NewJob
from jubilee.domain.tasks.task import (
    MAX_PAGE_BYTES,
    Task,
    TaskFilter,
    TaskIdTaken,
    TaskNotFound,
    TaskStatus,
)
from jubilee.domain.users.user import User
from tests.contracts.accounts import NOW, a_user, kept
from tests.contracts.conftest import Database
from tests.contracts.task_rows import a_kept_task, a_task, added, become, by

QUEUED, RUNNING, DEAD = TaskStatus.QUEUED, TaskStatus.RUNNING, TaskStatus.DEAD


@pytest.fixture
async def zoe(database: Database) -> User:
    user = a_user("zoe")
    await kept(database, user)
    return user


@pytest.fixture
async def eve(database: Database) -> User:
    user = a_user("eve")
    await kept(database, user)
    return user


async def got(database: Database, name: str, person: User, *, admin: bool = False) -> Task | None:
    try:
        async with database.read() as view:
            task: Task = await view.tasks.get(name, by=by(person, admin=admin))
    except TaskNotFound:
        return None
    return task


async def listed(database: Database, chosen: TaskFilter, limit: int = 100) -> list[Task]:
    """All pages, one after the other."""
    found, after = [], None
    while True:
        async with database.read() as view:
            page = await view.tasks.page(chosen, after=after, limit=limit)
        assert len(page.rows) <= limit
        found += page.rows
        if page.after is None:
            return found
        after = page.after


async def test_a_task_is_what_was_asked_for(database: Database, zoe: User) -> None:
    data = {"\u00fc": [None, True, 1, 1.5, {"x": "\U0001f389"}], "": {}}
    task = await a_kept_task(database, zoe, data=data, priority=0, task_id="a:b")
    assert (task.data, task.priority, task.task_id, task.kind) == (data, 0, "a:b", "echo")
    assert (task.status, task.attempts, task.max_attempts) == (QUEUED, 0, 10)
    assert (task.run_at, task.owner_id) == (task.created_at, zoe.id)
    assert {task.progress, task.started_at, task.finished_at, task.cancel_requested_at} == {None}
    assert await got(database, "a:b", zoe) == task


async def test_a_page_of_large_tasks_ends_early_and_none_is_left_out(
    database: Database, zoe: User
) -> None:
    data = {"text": "x" * 60_000}
    tasks = [await a_kept_task(database, zoe, data=data) for _ in range(30)]
    async with database.read() as view:
        page = await view.tasks.page(TaskFilter(owner=zoe.id), after=None, limit=100)
    assert 0 < len(page.rows) * 60_000 <= MAX_PAGE_BYTES
    assert page.after is not None
    assert await listed(database, TaskFilter(owner=zoe.id)) == tasks[::-1]


async def test_run_at_in_the_past_is_now_and_beyond_the_limit_refused(
    database: Database, zoe: User
) -> None:
    later = NOW + timedelta(days=9000)
    assert (await a_kept_task(database, zoe, run_at=later)).run_at == later
    past = await a_kept_task(database, zoe, run_at=NOW - timedelta(days=9000))
    assert past.run_at == past.created_at


async def test_who_finds_it_by_which_name(database: Database, zoe: User, eve: User) -> None:
    task = await a_kept_task(database, zoe, task_id="mine")
    identity = str(task.id)
    assert await got(database, "mine", zoe) == task
    assert await got(database, identity, zoe) == task
    assert await got(database, identity.upper(), zoe) == task
    assert await got(database, "mine", eve) is None
    assert await got(database, identity, eve) is None
    assert await got(database, identity, eve, admin=True) == task
    assert await got(database, "mine", eve, admin=True) is None
    assert await got(database, identity.replace("-", ""), zoe) is None


async def test_the_servers_id_comes_before_a_name_that_looks_like_it(
    database: Database, zoe: User, eve: User
) -> None:
    first = await a_kept_task(database, zoe)
    second = await a_kept_task(database, zoe, task_id=str(new_id()))
    third = await a_kept_task(database, zoe, task_id=str(second.id))
    theirs = await a_kept_task(database, eve, task_id=str(first.id))
    assert await got(database, str(second.id), zoe) == second
    assert await got(database, second.task_id, zoe) == second
    assert await got(database, str(third.id), zoe) == third
    assert await got(database, str(first.id), eve) == theirs


async def unowned(database: Database, person: User, kind: str = "email.welcome") -> NewJob:
    """A job of the service's own, for an account that did not ask for it."""
    job = NewJob(id=new_id(), kind=kind, owner_id=person.id, data={"n": 1})
    async with database.write() as tx:
        await tx.jobs.add(job)
    return job


async def test_the_services_own_jobs_are_for_admins_alone(
    database: Database, zoe: User, eve: User
) -> None:
    job = await unowned(database, zoe)
    async with database.read() as view:
        assert await view.tasks.count_live(zoe.id, limit=9) == 0
    assert await got(database, str(job.id), zoe) is None
    found = await got(database, str(job.id), eve, admin=True)
    assert found is not None
    assert (found.id, found.task_id, found.owner_id) == (job.id, str(job.id), None)
    assert (found.data, found.status, found.kind) == ({"n": 1}, QUEUED, "email.welcome")


@pytest.mark.parametrize("limit", [1, 2, 100])
async def test_lists_tell_what_was_asked_for_from_what_was_not(
    database: Database, zoe: User, limit: int
) -> None:
    kinds = ("echo", None, "other", None, "echo")
    ids = [
        (await (a_kept_task(database, zoe, kind=kind) if kind else unowned(database, zoe))).id
        for kind in kinds
    ]
    dead = await got(database, str(ids[1]), zoe, admin=True)
    assert dead is not None
    await become(database, dead, DEAD)

    async def found(**chosen: Any) -> list[int]:
        return [ids.index(task.id) for task in await listed(database, TaskFilter(**chosen), limit)]

    assert await found() == [4, 3, 2, 1, 0]
    assert await found(unowned=True) == [3, 1]
    assert await found(owner=zoe.id) == [4, 2, 0]
    assert await found(unowned=True, status=DEAD) == await found(status=DEAD) == [1]
    assert await found(unowned=True, kind="email.welcome", status=QUEUED) == [3]
    assert await found(kind="email.welcome") == [3, 1]
    assert await found(unowned=True, kind="echo") == []


async def test_what_no_account_asked_for_is_cancelled_revived_and_removed(
    database: Database, zoe: User
) -> None:
    job = await unowned(database, zoe)
    async with database.write() as tx:
        assert (await tx.tasks.cancel(job.id)).status is TaskStatus.CANCELLED
        assert (await tx.tasks.retry(job.id)).status is QUEUED
        assert (await tx.tasks.request_cancel(job.id)).cancel_requested
        await tx.tasks.remove(job.id)
    assert await listed(database, TaskFilter()) == []


async def test_a_task_id_is_one_owners_once(database: Database, zoe: User, eve: User) -> None:
    first, second = a_task(zoe, task_id="x"), a_task(zoe, task_id="x")
    one, two, theirs = await added(database, first, second, a_task(eve, task_id="x"))
    assert one is not None
    assert two is None
    assert theirs is not None


async def test_the_same_request_is_found(database: Database, zoe: User, eve: User) -> None:
    data = {"a": [1, {"b": None}], "c": 1e300, "d": "\u00e9"}
    task = await a_kept_task(database, zoe, task_id="x", data=data)
    ended = await become(database, task, DEAD)
    again = a_task(zoe, task_id="x", data=dict(reversed(data.items())))
    async with database.write() as tx:
        assert await tx.tasks.find_same(again) == ended
        assert await tx.tasks.find_same(replace(again, task_id="y")) is None
        assert await tx.tasks.find_same(replace(again, owner_id=eve.id)) is None


@pytest.mark.parametrize("other", [{"kind": "other"}, {"data": {"n": True}}, {"data": {"n": "1"}}])
async def test_another_request_by_its_task_id_is_refused(
    database: Database, zoe: User, other: dict[str, object]
) -> None:
    await a_kept_task(database, zoe, task_id="x")
    async with database.read() as view:
        with pytest.raises(TaskIdTaken):
            await view.tasks.find_same(a_task(zoe, task_id="x", **other))


async def test_so_many_are_live(database: Database, zoe: User, eve: User) -> None:
    tasks = [await a_kept_task(database, zoe) for _ in range(4)]
    await become(database, tasks[0], RUNNING)
    await become(database, tasks[1], DEAD)
    await become(database, tasks[2], TaskStatus.SUCCEEDED)
    async with database.write() as tx:
        assert await tx.tasks.count_live(zoe.id, limit=9) == 2
        assert await tx.tasks.count_live(zoe.id, limit=1) == 1
        assert await tx.tasks.count_live(eve.id, limit=9) == 0
    assert await added(database, a_task(zoe), below=2) == [None]
    assert None not in await added(database, a_task(zoe), below=3)


@pytest.mark.parametrize("limit", [1, 2, 100])
async def test_lists_are_filtered_and_newest_first(
    database: Database, zoe: User, eve: User, limit: int
) -> None:
    kinds = ("echo", "other", "echo", "other", "echo")
    tasks = [await a_kept_task(database, zoe, kind=kind) for kind in kinds]
    tasks[0] = await become(database, tasks[0], DEAD)
    tasks[3] = await become(database, tasks[3], DEAD)
    theirs = await a_kept_task(database, eve)
    own = TaskFilter(owner=zoe.id)
    assert await listed(database, TaskFilter(), limit) == [theirs, *reversed(tasks)]
    assert await listed(database, own, limit) == [*reversed(tasks)]
    assert await listed(database, replace(own, status=DEAD), limit) == [tasks[3], tasks[0]]
    assert await listed(database, replace(own, kind="echo"), limit) == tasks[4::-2]
    both = replace(own, kind="echo", status=QUEUED)
    assert await listed(database, both, limit) == [tasks[4], tasks[2]]
    assert await listed(database, TaskFilter(status=DEAD), limit) == [tasks[3], tasks[0]]
    assert await listed(database, TaskFilter(kind="other"), limit) == [tasks[3], tasks[1]]
    assert await listed(database, TaskFilter(status=RUNNING), limit) == []


async def test_one_that_waits_is_cancelled(database: Database, zoe: User) -> None:
    task = await a_kept_task(database, zoe)
    async with database.write() as tx:
        cancelled = await tx.tasks.cancel(task.id)
    assert cancelled.finished_at is not None
    assert cancelled == replace(
        task, status=TaskStatus.CANCELLED, finished_at=cancelled.finished_at
    )
    assert await got(database, str(task.id), zoe) == cancelled


async def test_one_that_runs_is_asked_to_stop_once(database: Database, zoe: User) -> None:
    task = await become(database, await a_kept_task(database, zoe), RUNNING)
    async with database.write() as tx:
        asked = await tx.tasks.request_cancel(task.id)
    assert asked.cancel_requested
    assert asked == replace(task, cancel_requested_at=asked.cancel_requested_at)
    async with database.write() as tx:
        assert await tx.tasks.request_cancel(task.id) == asked


async def test_one_that_has_ended_is_forgotten(database: Database, zoe: User) -> None:
    task, other = await a_kept_task(database, zoe), await a_kept_task(database, zoe)
    async with database.write() as tx:
        await tx.tasks.remove(task.id)
    assert await listed(database, TaskFilter()) == [other]


async def test_a_dead_one_comes_to_life(database: Database, zoe: User) -> None:
    new = await a_kept_task(database, zoe)
    dead = await become(database, new, DEAD)
    async with database.write() as tx:
        again = await tx.tasks.retry(dead.id)
    assert again == replace(
        new, run_at=again.run_at, error={"code": "x"}, started_at=dead.started_at
    )
    assert again.run_at >= new.run_at


async def test_one_that_is_retried_is_due_at_once_however_late_it_was_wanted(
    database: Database, zoe: User
) -> None:
    wanted = NOW + timedelta(days=9)
    dead = await become(database, await a_kept_task(database, zoe, run_at=wanted), DEAD)
    assert dead.run_at == wanted
    async with database.write() as tx:
        again = await tx.tasks.retry(dead.id)
    assert again.run_at < NOW + timedelta(hours=1)


async def test_tasks_go_with_their_owner(database: Database, zoe: User, eve: User) -> None:
    await a_kept_task(database, zoe)
    theirs = await a_kept_task(database, eve)
    async with database.write() as tx:
        await tx.users.delete(zoe.id)
    assert await listed(database, TaskFilter()) == [theirs]


async def test_a_transaction_that_fails_adds_nothing(database: Database, zoe: User) -> None:
    with suppress(ZeroDivisionError):
        async with database.write() as tx:
            await tx.tasks.add(a_task(zoe), below=9)
            raise ZeroDivisionError
    assert await listed(database, TaskFilter()) == []
