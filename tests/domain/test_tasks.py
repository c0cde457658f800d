"""Use cases of tasks, and who is allowed to call them."""

from datetime import timedelta

import pytest

from jubilee.domain.errors import DomainError
from jubilee.domain.identity import Principal
from jubilee.domain.jobs.kinds import InvalidPayload, UnknownKind
from jubilee.domain.tasks.service import TaskService
from jubilee.domain.tasks.task import (
    MAX_DELAY,
    InvalidRunAt,
    KindNotAllowed,
    PayloadTooLarge,
    Task,
    TaskFilter,
    TaskIdTaken,
    TaskNotFound,
    TaskRequest,
    TaskStatus,
    TooManyTasks,
)
from tests.domain.task_harness import ADMIN, OWNER, STRANGER, make_service, set_status
from tests.fakes.store import FakeStore, store_with_accounts


@pytest.fixture
def store() -> FakeStore:
    return store_with_accounts(OWNER, STRANGER, ADMIN)


@pytest.fixture
def tasks(store: FakeStore) -> TaskService:
    return make_service(store)


@pytest.fixture
async def task(tasks: TaskService) -> Task:
    return await tasks.create(TaskRequest(data={"n": 1}, task_id="mine"), by=OWNER)


async def test_a_new_task_is_queued_and_due(tasks: TaskService, store: FakeStore) -> None:
    task = await tasks.create(TaskRequest(data={"n": 1}), by=OWNER)
    assert (task.status, task.run_at, task.attempts) == (TaskStatus.QUEUED, store.clock(), 0)
    assert (task.owner_id, task.task_id) == (OWNER.user_id, str(task.id))
    assert store.tasks == {task.id: task}


async def test_the_same_request_with_the_same_task_id_is_the_same_task(
    tasks: TaskService, task: Task, store: FakeStore
) -> None:
    set_status(store, task, TaskStatus.SUCCEEDED, attempts=0)
    again = await tasks.create(TaskRequest(data={"n": 1}, task_id="mine", priority=1), by=OWNER)
    assert again == store.tasks[task.id]
    theirs = await tasks.create(TaskRequest(data={"n": 1}, task_id="mine"), by=STRANGER)
    assert theirs.id != task.id


@pytest.mark.parametrize(
    "other",
    [
        TaskRequest(data={"n": 2}, task_id="mine"),
        TaskRequest(data={"n": True}, task_id="mine"),
        TaskRequest(data={"n": 1, "to": "zoe"}, task_id="mine", kind="admin.only"),
    ],
)
async def test_another_request_with_a_known_task_id_is_refused(
    tasks: TaskService, store: FakeStore, other: TaskRequest
) -> None:
    await tasks.create(TaskRequest(data={"n": 1}, task_id="mine"), by=ADMIN)
    with pytest.raises(TaskIdTaken):
        await tasks.create(other, by=ADMIN)
    assert len(store.tasks) == 1


@pytest.mark.parametrize(
    ("request_", "refusal", "pointer"),
    [
        (TaskRequest(data={}, kind="nothing"), UnknownKind, "/kind"),
        (TaskRequest(data={}, kind="admin.only"), InvalidPayload, "/data/to"),
        (TaskRequest(data={"x": "\u00e9" * 32_765}), PayloadTooLarge, "/data"),
        (TaskRequest(data={}, kind="internal"), KindNotAllowed, ""),
    ],
)
async def test_an_invalid_request_is_refused_by_its_pointer(
    tasks: TaskService,
    store: FakeStore,
    request_: TaskRequest,
    refusal: type[DomainError],
    pointer: str,
) -> None:
    with pytest.raises(refusal) as caught:
        await tasks.create(request_, by=ADMIN)
    assert caught.value.pointer == pointer
    assert store.tasks == {}


async def test_the_payloads_size_is_measured_as_utf8(tasks: TaskService) -> None:
    largest = {"x": "\u00e9" * 32_764}  # eight bytes more than the letters
    assert (await tasks.create(TaskRequest(data=largest), by=OWNER)).data == largest


async def test_a_kind_is_limited_to_its_audience(tasks: TaskService) -> None:
    request = TaskRequest(data={"to": "zoe"}, kind="admin.only")
    with pytest.raises(KindNotAllowed):
        await tasks.create(request, by=OWNER)
    assert (await tasks.create(request, by=ADMIN)).kind == "admin.only"


async def test_run_at_in_the_past_is_now_and_beyond_the_limit_refused(
    tasks: TaskService, store: FakeStore
) -> None:
    now = store.clock()
    for run_at in (now + timedelta(seconds=1), now + MAX_DELAY):
        task = await tasks.create(TaskRequest(data={}, run_at=run_at), by=OWNER)
        assert task.run_at == run_at
    past = TaskRequest(data={}, run_at=now - timedelta(days=1))
    assert (await tasks.create(past, by=OWNER)).run_at == now
    late = now + MAX_DELAY + timedelta(seconds=1)
    with pytest.raises(InvalidRunAt) as caught:
        await tasks.create(TaskRequest(data={}, run_at=late), by=OWNER)
    assert caught.value.pointer == "/run_at"


async def test_the_number_of_live_tasks_of_an_owner_is_limited(store: FakeStore) -> None:
    tasks = make_service(store, max_live=3)
    for n in range(3):
        await tasks.create(TaskRequest(data={}, task_id=str(n)), by=OWNER)
    with pytest.raises(TooManyTasks):
        await tasks.create(TaskRequest(data={}), by=OWNER)
    assert (await tasks.create(TaskRequest(data={}, task_id="0"), by=OWNER)).task_id == "0"
    await tasks.create(TaskRequest(data={}), by=STRANGER)
    await tasks.cancel("0", by=OWNER)
    await tasks.create(TaskRequest(data={}), by=OWNER)


async def test_owners_see_their_own_tasks_and_admins_see_all(
    tasks: TaskService, task: Task, store: FakeStore
) -> None:
    theirs = await tasks.create(TaskRequest(data={}), by=STRANGER)
    for name in ("mine", str(task.id), str(task.id).upper()):
        assert await tasks.get(name, by=OWNER) == task
        with pytest.raises(TaskNotFound):
            await tasks.get(name, by=STRANGER)
    assert await tasks.get(str(task.id), by=ADMIN) == task
    with pytest.raises(TaskNotFound):
        await tasks.get("mine", by=ADMIN)
    assert await list_tasks(tasks, OWNER) == [task]
    assert await list_tasks(tasks, ADMIN) == [theirs, task]


async def list_tasks(tasks: TaskService, by: Principal) -> list[Task]:
    return list((await tasks.list(TaskFilter(), by=by, after=None, limit=10)).rows)


async def test_secrets_are_redacted_in_replies_and_stored_unchanged(
    tasks: TaskService, store: FakeStore
) -> None:
    data = {"to": "zoe", "secret": "hush"}
    task = await tasks.create(TaskRequest(data=data, kind="admin.only"), by=ADMIN)
    assert task.data == {"to": "zoe", "secret": "***"}
    assert await list_tasks(tasks, ADMIN) == [task]
    assert store.tasks[task.id].data == data


async def test_the_payload_of_an_unknown_kind_is_hidden(
    tasks: TaskService, task: Task, store: FakeStore
) -> None:
    set_status(store, task, TaskStatus.QUEUED, kind="newer")
    assert (await tasks.get("mine", by=OWNER)).data == {}
