"""Cancelling, retrying and removing tasks."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from jubilee.domain.jobs.kinds import JobKinds
from jubilee.domain.tasks.echo import Echo
from jubilee.domain.tasks.service import TaskService
from jubilee.domain.tasks.task import (
    KindNotAllowed,
    Task,
    TaskNotDead,
    TaskNotFound,
    TaskRequest,
    TaskStatus,
    TooManyTasks,
)
from tests.domain.task_harness import (
    ADMIN,
    OWNER,
    STRANGER,
    make_service,
    set_status,
)
from tests.fakes.store import FakeStore, store_with_accounts


class KindWithRows(Echo):
    """A kind that keeps rows of its own for a job."""

    name = "rows"

    def __init__(self) -> None:
        self.closed: list[Mapping[str, object]] = []

    async def close(self, data: Mapping[str, object], tx: object) -> None:
        del tx
        self.closed.append(data)


@pytest.fixture
def store() -> FakeStore:
    return store_with_accounts(OWNER, STRANGER, ADMIN)


@pytest.fixture
def tasks(store: FakeStore) -> TaskService:
    return make_service(store)


@pytest.fixture
async def task(tasks: TaskService) -> Task:
    return await tasks.create(TaskRequest(data={"n": 1}, task_id="mine"), by=OWNER)


async def test_cancelling_a_queued_task_twice_deletes_it(
    tasks: TaskService, task: Task, store: FakeStore
) -> None:
    assert await tasks.cancel("mine", by=OWNER) is None
    cancelled = await tasks.get("mine", by=OWNER)
    assert (cancelled.status, cancelled.finished_at) == (TaskStatus.CANCELLED, store.clock())
    assert await tasks.cancel("mine", by=OWNER) is None
    with pytest.raises(TaskNotFound):
        await tasks.cancel("mine", by=OWNER)


async def test_cancelling_a_running_task_requests_its_stop(
    tasks: TaskService, task: Task, store: FakeStore
) -> None:
    set_status(store, task, TaskStatus.RUNNING)
    running = await tasks.cancel(str(task.id), by=ADMIN)
    assert running is not None
    assert (running.status, running.cancel_requested) == (TaskStatus.RUNNING, True)
    store.clock.tick(seconds=1)
    assert await tasks.cancel("mine", by=OWNER) == running


async def test_retrying_a_dead_task_resets_it(
    tasks: TaskService, task: Task, store: FakeStore
) -> None:
    late, error = store.clock() + timedelta(hours=1), {"code": "refused"}
    set_status(
        store, task, TaskStatus.DEAD, finished_at=late, cancel_requested_at=late, error=error
    )
    store.clock.tick(hours=2)
    again = await tasks.retry("mine", by=OWNER)
    assert again == replace(task, run_at=store.clock(), error=error)
    with pytest.raises(TaskNotDead):
        await tasks.retry("mine", by=OWNER)


async def test_a_retry_counts_towards_the_limit_and_needs_the_audience(store: FakeStore) -> None:
    tasks = make_service(store, 1)
    dead = await tasks.create(TaskRequest(data={}), by=OWNER)
    set_status(store, dead, TaskStatus.DEAD, kind="admin.only")
    with pytest.raises(KindNotAllowed):
        await tasks.retry(str(dead.id), by=OWNER)
    set_status(store, dead, TaskStatus.DEAD)
    await tasks.create(TaskRequest(data={}), by=OWNER)
    with pytest.raises(TooManyTasks):
        await tasks.retry(str(dead.id), by=OWNER)
    assert store.tasks[dead.id].status is TaskStatus.DEAD


@pytest.mark.parametrize("status", list(TaskStatus))
async def test_another_user_can_neither_cancel_nor_retry_a_task(
    tasks: TaskService, task: Task, store: FakeStore, status: TaskStatus
) -> None:
    set_status(store, task, status)
    before = dict(store.tasks)
    with pytest.raises(TaskNotFound):
        await tasks.cancel(str(task.id), by=STRANGER)
    with pytest.raises(TaskNotFound):
        await tasks.retry(str(task.id), by=STRANGER)
    assert store.tasks == before


async def test_a_kind_ends_the_rows_of_tasks_that_do_not_succeed(store: FakeStore) -> None:
    kind = KindWithRows()
    tasks = replace(make_service(store), kinds=JobKinds([kind]))
    made = [await tasks.create(TaskRequest(kind="rows", data={"n": n}), by=OWNER) for n in range(3)]
    set_status(store, made[0], TaskStatus.DEAD)
    set_status(store, made[1], TaskStatus.SUCCEEDED)
    for task in made[:2]:
        await tasks.discard(str(task.id), by=OWNER)
    await tasks.stop(str(made[2].id), by=OWNER)
    assert kind.closed == [{"n": 0}, {"n": 2}]
