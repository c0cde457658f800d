"""Task services over the fakes, and kinds of task for them."""

from collections.abc import Mapping
from dataclasses import replace

from jubilee.adapters.ids import new_id
from jubilee.domain.identity import Principal, SessionId, UserId
from jubilee.domain.jobs.kinds import Audience, InvalidPayload, JobKinds
from jubilee.domain.jobs.waiter import JobWaiter
from jubilee.domain.tasks.echo import Echo
from jubilee.domain.tasks.service import TaskService
from jubilee.domain.tasks.task import (
    Task,
    TaskStatus,
)
from tests.fakes.store import FakeStore
from tests.fakes.tasks import FakeLiveJobReader


class AdminKind(Echo):
    """A kind for admins, whose payload member `secret` is redacted."""

    name = "admin.only"
    audience = Audience.ADMINS
    private = frozenset({"text"})

    def read(self, data: Mapping[str, object]) -> Mapping[str, object]:
        if "to" not in data:
            raise InvalidPayload("`to` is missing", pointer="/data/to")
        return data

    def redact(self, data: Mapping[str, object]) -> Mapping[str, object]:
        return {**data, "secret": "***"}


class InternalKind(Echo):
    """A kind that only the service itself creates."""

    name = "internal"
    audience = Audience.INTERNAL


def make_principal(*, admin: bool = False) -> Principal:
    return Principal(UserId(new_id()), SessionId(new_id()), is_admin=admin)


OWNER, STRANGER, ADMIN = make_principal(), make_principal(), make_principal(admin=True)


def make_service(store: FakeStore, max_live: int = 10) -> TaskService:
    return TaskService(
        write=store.transaction,
        write_one=store.view,
        read=store.view,
        read_list=store.view,
        kinds=JobKinds([Echo(), AdminKind(), InternalKind()]),
        waiter=JobWaiter(FakeLiveJobReader(lambda: store.tasks)),
        clock=store.clock,
        new_id=new_id,
        max_live_per_owner=max_live,
    )


def set_status(store: FakeStore, task: Task, status: TaskStatus, **more: object) -> None:
    changed = {"status": status, "attempts": 3, **more}
    store.tasks[task.id] = replace(task, **changed)  # type: ignore[arg-type]  # its own members
