"""Tasks without an owner, and what admins see and do with the tasks of others."""

import pytest

from jubilee.adapters.ids import new_id
from jubilee.domain.errors import NotAllowed
from jubilee.domain.jobs.queue import NewJob
from jubilee.domain.tasks.service import TaskService
from jubilee.domain.tasks.task import (
    AlreadyEnded,
    StillLive,
    Task,
    TaskFilter,
    TaskNotFound,
    TaskRequest,
    TaskStatus,
)
from tests.domain.task_harness import (
    ADMIN,
    OWNER,
    STRANGER,
    make_principal,
    make_service,
    set_status,
)
from tests.fakes.store import FakeStore, store_with_accounts


@pytest.fixture
def tasks(store: FakeStore) -> TaskService:
    return make_service(store)


@pytest.fixture
def store() -> FakeStore:
    return store_with_accounts(OWNER, ADMIN)


@pytest.fixture
async def task(tasks: TaskService) -> Task:
    return await tasks.create(TaskRequest(data={"n": 1}, task_id="mine"), by=OWNER)


async def test_private_members_are_shown_only_to_the_owner(
    tasks: TaskService, store: FakeStore
) -> None:
    data = {"to": "zoe", "text": "hush"}
    task = await tasks.create(TaskRequest(data=data, kind="admin.only"), by=ADMIN)
    set_status(store, task, TaskStatus.SUCCEEDED, data=data, result=data)
    masked = {"to": "zoe", "text": "***"}
    other = await tasks.get(str(task.id), by=make_principal(admin=True))
    assert (other.data["text"], other.result) == ("***", masked)
    own = await tasks.get(str(task.id), by=ADMIN)
    assert (own.data["text"], own.result) == ("hush", data)


async def test_the_result_of_an_unknown_kind_is_masked_for_all_but_the_owner(
    tasks: TaskService, task: Task, store: FakeStore
) -> None:
    set_status(store, task, TaskStatus.SUCCEEDED, kind="newer", result={"key": "hush"})
    found = await tasks.get(str(task.id), by=ADMIN)
    assert (found.data, found.result) == ({}, {"key": "***"})
    assert (await tasks.get("mine", by=OWNER)).result == {"key": "hush"}


async def add_unowned(store: FakeStore, kind: str = "internal", **data: object) -> Task:
    """Add a job without an owner."""
    job = NewJob(id=new_id(), kind=kind, data=data)
    async with store.transaction() as tx:
        await tx.jobs.add(job)
    return store.tasks[job.id]


async def test_an_admin_retries_an_unowned_job_regardless_of_the_limit(
    store: FakeStore,
) -> None:
    tasks, job = make_service(store, max_live=0), await add_unowned(store)
    set_status(store, job, TaskStatus.DEAD)
    assert (await tasks.retry(str(job.id), by=ADMIN)).status is TaskStatus.QUEUED
    with pytest.raises(TaskNotFound):
        await tasks.retry(str(job.id), by=OWNER)


async def test_live_tasks_are_stopped_and_ended_ones_discarded(
    tasks: TaskService, task: Task, store: FakeStore
) -> None:
    with pytest.raises(StillLive):
        await tasks.discard("mine", by=OWNER)
    set_status(store, task, TaskStatus.RUNNING)
    assert (await tasks.stop("mine", by=OWNER)).cancel_requested
    set_status(store, task, TaskStatus.QUEUED)
    assert (await tasks.stop("mine", by=OWNER)).status is TaskStatus.CANCELLED
    with pytest.raises(AlreadyEnded):
        await tasks.stop("mine", by=OWNER)
    await tasks.discard("mine", by=OWNER)
    assert store.tasks == {}


async def test_listing_the_tasks_of_others_is_refused(tasks: TaskService) -> None:
    for chosen in (TaskFilter(unowned=True), TaskFilter(owner=STRANGER.user_id)):
        with pytest.raises(NotAllowed):
            await tasks.list(chosen, by=OWNER, after=None, limit=10)
