"""Work that no account asked for, and what admins may see of others' work and do with it."""

import pytest

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
from tests.domain.test_tasks import ADMIN, OWNER, STRANGER, become, service, somebody
from tests.fakes.store import FakeStore, fresh_id, store_of


@pytest.fixture
def tasks(store: FakeStore) -> TaskService:
    return service(store)


@pytest.fixture
def store() -> FakeStore:
    return store_of(OWNER, ADMIN)


@pytest.fixture
async def task(tasks: TaskService) -> Task:
    return await tasks.create(TaskRequest(data={"n": 1}, task_id="mine"), by=OWNER)


async def test_what_is_private_is_shown_to_the_account_that_asked_alone(
    tasks: TaskService, store: FakeStore
) -> None:
    data = {"to": "zoe", "text": "hush"}
    task = await tasks.create(TaskRequest(data=data, kind="letter"), by=ADMIN)
    become(store, task, TaskStatus.SUCCEEDED, data=data, result=data)
    masked = {"to": "zoe", "text": "***"}
    other = await tasks.get(str(task.id), by=somebody(admin=True))
    assert (other.data["text"], other.result) == ("***", masked)
    own = await tasks.get(str(task.id), by=ADMIN)
    assert (own.data["text"], own.result) == ("hush", data)


async def test_the_result_of_a_kind_that_is_not_known_here_is_masked_for_all_others(
    tasks: TaskService, task: Task, store: FakeStore
) -> None:
    become(store, task, TaskStatus.SUCCEEDED, kind="newer", result={"key": "hush"})
    found = await tasks.get(str(task.id), by=ADMIN)
    assert (found.data, found.result) == ({}, {"key": "***"})
    assert (await tasks.get("mine", by=OWNER)).result == {"key": "hush"}


async def unowned(store: FakeStore, kind: str = "own", **data: object) -> Task:
    """A job that no account asked for."""
    job = NewJob(id=fresh_id(), kind=kind, data=data)
    async with store.transaction() as tx:
        await tx.jobs.add(job)
    return store.tasks[job.id]


async def test_an_admin_retries_what_no_account_asked_for_past_every_limit(
    store: FakeStore,
) -> None:
    tasks, job = service(store, most=0), await unowned(store)
    become(store, job, TaskStatus.DEAD)
    assert (await tasks.retry(str(job.id), by=ADMIN)).status is TaskStatus.QUEUED
    with pytest.raises(TaskNotFound):
        await tasks.retry(str(job.id), by=OWNER)


async def test_stopping_is_for_what_lives_and_discarding_for_what_has_ended(
    tasks: TaskService, task: Task, store: FakeStore
) -> None:
    with pytest.raises(StillLive):
        await tasks.discard("mine", by=OWNER)
    become(store, task, TaskStatus.RUNNING)
    assert (await tasks.stop("mine", by=OWNER)).cancel_requested
    become(store, task, TaskStatus.QUEUED)
    assert (await tasks.stop("mine", by=OWNER)).status is TaskStatus.CANCELLED
    with pytest.raises(AlreadyEnded):
        await tasks.stop("mine", by=OWNER)
    await tasks.discard("mine", by=OWNER)
    assert store.tasks == {}


async def test_a_list_of_anothers_is_refused(tasks: TaskService) -> None:
    for chosen in (TaskFilter(unowned=True), TaskFilter(owner=STRANGER.user_id)):
        with pytest.raises(NotAllowed):
            await tasks.list(chosen, by=OWNER, after=None, limit=10)
