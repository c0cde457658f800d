"""Tasks in memory."""

import json
from collections.abc import (
    Callable,
    Collection,
    Container,
    Mapping,
    MutableMapping,
    Sequence,
)
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from jubilee.domain.identity import Principal, UserId
from jubilee.domain.jobs.queue import DEFAULT_PRIORITY, NewJob
from jubilee.domain.jobs.retries import MAX_ATTEMPTS
from jubilee.domain.jobs.waiter import LiveJobReader
from jubilee.domain.owned_rows import OwnedTaskStore
from jubilee.domain.paging import Page, Position
from jubilee.domain.tasks.task import (
    MAX_PAGE_BYTES,
    SharedTaskQueue,
    Task,
    TaskFilter,
    TaskIdTaken,
    TaskNotFound,
    TaskQueue,
    TaskReader,
    TaskRepository,
    TaskRequest,
    TaskStatus,
)
from tests.fakes.rows import FakeUnitOfWork


@dataclass(frozen=True, slots=True)
class FakeTasks(TaskReader, TaskQueue, SharedTaskQueue, TaskRepository, OwnedTaskStore):
    """Rows by id."""

    rows: MutableMapping[UUID, Task]
    clock: Callable[[], datetime]
    owners: Container[UserId] = ()
    unit: FakeUnitOfWork = field(default_factory=FakeUnitOfWork)

    async def get(self, name: str, *, by: Principal, lock: bool = False) -> Task:
        self.unit.check(name)
        found = self._find(name, by)
        await self.unit.read("task", found.id, lock=lock)
        return self._find(name, by)

    def _find(self, name: str, by: Principal) -> Task:
        for task in self.rows.values():
            if str(task.id) == name.lower() and by.may_access(task.owner_id):
                return task
        for task in self.rows.values():
            if task.task_id == name and task.owner_id == by.user_id:
                return task
        raise TaskNotFound

    async def page(self, chosen: TaskFilter, *, after: Position | None, limit: int) -> Page[Task]:
        last = None if after is None else UUID(after[0])
        found = [
            self.rows[key]
            for key in sorted(self.rows, reverse=True)
            if _is_chosen(self.rows[key], chosen) and (last is None or key < last)
        ]
        page = [task for number, task in enumerate(found[:limit]) if _fits_page(found, number)]
        return Page(page, (str(page[-1].id),) if len(found) > len(page) else None)

    async def admit(self, owner: UserId, *, limit: int) -> bool:
        await self.unit.hold("quota", owner)
        return self._count_live(owner) < limit

    async def recount(self, owner: UserId, *, limit: int) -> None:
        await self.unit.hold("quota", owner)

    async def add(
        self, request: TaskRequest, *, new_id: UUID, owner: UserId, limit: int
    ) -> Task | None:
        self.unit.check(request)
        task_id = request.task_id or str(new_id)
        await self.unit.hold("owner", owner, shared=True)
        await self.unit.hold("quota", owner)
        if self._named(owner, task_id) or self._count_live(owner) >= limit:
            return None
        self.unit.require_row(self.owners, owner, "fk_jobs_owner_id")
        await self.unit.hold("task", new_id)
        now = self.clock()
        added = Task(
            id=new_id,
            task_id=task_id,
            owner_id=owner,
            kind=request.kind,
            data=request.data,
            priority=request.priority,
            status=TaskStatus.QUEUED,
            attempts=0,
            max_attempts=MAX_ATTEMPTS,
            run_at=now if request.run_at is None else max(request.run_at, now),
            created_at=now,
        )
        self.rows[new_id] = added
        return added

    async def add_shared(
        self, request: TaskRequest, *, new_id: UUID, owner: UserId, limit: int
    ) -> Task | None:
        if owner not in self.owners:
            return None
        return await self.add(request, new_id=new_id, owner=owner, limit=limit)

    async def find_same(self, request: TaskRequest, *, owner: UserId) -> Task | None:
        self.unit.check(request)
        known = self._named(owner, request.task_id)
        same = (request.kind, _comparable(request.data))
        if known and (known.kind, _comparable(known.data)) != same:
            raise TaskIdTaken
        return known

    async def cancel(self, task_id: UUID) -> Task:
        return await self._change(task_id, status=TaskStatus.CANCELLED, finished_at=self.clock())

    async def request_cancel(self, task_id: UUID) -> Task:
        known = self.rows.get(task_id)
        requested = (known.cancel_requested_at if known else None) or self.clock()
        return await self._change(task_id, cancel_requested_at=requested)

    async def remove(self, task_id: UUID) -> None:
        self.unit.require_lock("task", task_id)
        await self.unit.hold("task", task_id)
        self.rows.pop(task_id, None)

    async def retry(self, task_id: UUID) -> Task:
        reset = ("finished_at", "cancel_requested_at", "progress", "result")
        now = {"status": TaskStatus.QUEUED, "attempts": 0, "run_at": self.clock()}
        return await self._change(task_id, **now, **dict.fromkeys(reset))

    async def move(self, owner: UserId, *, to: UserId) -> None:
        await self.unit.read("owner", owner, lock=False)
        for task in [task for task in self.rows.values() if task.owner_id == owner]:
            await self.unit.hold("task", task.id)
            taken = self._named(to, task.task_id) is not None
            task_id = str(task.id) if taken else task.task_id
            self.rows[task.id] = replace(task, owner_id=to, task_id=task_id)

    def add_unowned(self, job: NewJob) -> None:
        """Add a job without an owner."""
        now = self.clock()
        self.rows[job.id] = Task(
            id=job.id,
            task_id=str(job.id),
            owner_id=None,
            kind=job.kind,
            data=job.data,
            priority=DEFAULT_PRIORITY,
            status=TaskStatus.QUEUED,
            attempts=0,
            max_attempts=job.max_attempts,
            run_at=now if job.run_at is None else max(job.run_at, now),
            created_at=now,
        )

    def _count_live(self, owner: UserId) -> int:
        return sum(task.owner_id == owner and task.status.is_live for task in self.rows.values())

    def _named(self, owner: UserId, task_id: str | None) -> Task | None:
        own = [task for task in self.rows.values() if task.owner_id == owner]
        return next((task for task in own if task.task_id == task_id), None)

    async def _change(self, task_id: UUID, **values: object) -> Task:
        self.unit.require_lock("task", task_id)
        await self.unit.hold("task", task_id)
        if task_id not in self.rows:
            raise TaskNotFound
        self.rows[task_id] = replace(self.rows[task_id], **values)  # type: ignore[arg-type]  # a row's own members
        return self.rows[task_id]


@dataclass(frozen=True, slots=True)
class FakeLiveJobReader(LiveJobReader):
    """Read the tasks of a store at the time of each call."""

    rows: Callable[[], Mapping[UUID, Task]]

    async def live(self, ids: Collection[UUID]) -> Collection[UUID]:
        rows = self.rows()
        return {key for key in ids if key in rows and rows[key].status.is_live}


def _is_chosen(task: Task, chosen: TaskFilter) -> bool:
    if chosen.unowned and task.owner_id is not None:
        return False
    wanted = (chosen.owner, chosen.status, chosen.kind)
    found = (task.owner_id, task.status, task.kind)
    return all(w is None or w == f for w, f in zip(wanted, found, strict=True))


def _fits_page(found: Sequence[Task], number: int) -> bool:
    sizes = (
        len(json.dumps(document))
        for task in found[: number + 1]
        for document in (task.data, task.progress, task.result, task.error)
        if document is not None
    )
    return number == 0 or sum(sizes) <= MAX_PAGE_BYTES


def _comparable(value: object) -> object:
    """Compare as `jsonb` does: numbers by value, and booleans are no numbers."""
    match value:
        case bool():
            return ("true" if value else "false",)
        case int() | float():
            return ("number", Decimal(json.dumps(value)))
        case Mapping():
            return {name: _comparable(member) for name, member in value.items()}
        case list() | tuple():
            return [_comparable(member) for member in value]
        case _:
            return value
