"""What can be done with tasks."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from time import monotonic

from jubilee.domain.clock import Clock
from jubilee.domain.identity import NewId, Principal
from jubilee.domain.jobs.kinds import Audience, Kinds, UnknownKind
from jubilee.domain.jobs.waiting import GivenUp, Waiting
from jubilee.domain.paging import Page, Position
from jubilee.domain.tasks.task import (
    FURTHEST,
    LARGEST_DATA,
    InvalidRunAt,
    KindNotAllowed,
    NewTask,
    NotDead,
    PayloadTooLarge,
    Task,
    TaskFilter,
    TaskRequest,
    TaskStatus,
    TaskTransaction,
    TooManyTasks,
    encoded_size,
)
from jubilee.domain.transaction import Begin

MARGIN = 1000
"""How near the limit tasks are added one by one: more than transactions can run at a time."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a caller waits for a task to end: `until` (by `monotonic`), or the shutdown."""

    until: float
    given_up: GivenUp


@dataclass(frozen=True, slots=True)
class TaskService:
    """Tasks as people see them: what their data hide is not shown; `most` are live an owner."""

    write: Begin[TaskTransaction]
    read: Begin[TaskTransaction]
    kinds: Kinds
    waiting: Waiting
    clock: Clock
    new_id: NewId
    most: int

    async def create(self, request: TaskRequest, *, by: Principal) -> Task:
        """Keep it, or find it kept: the same request by one `task_id` is the same task."""
        task = self._checked(request, by)
        for alone in (False, True) if self.most > MARGIN else (True,):
            kept = await self._keep(task, alone=alone, may_be_known=request.task_id is not None)
            if kept is not None:
                return self._shown(kept)
        raise TooManyTasks

    async def get(self, name: str, *, by: Principal, patience: Patience | None = None) -> Task:
        """One's own by its id or `task_id`, for admins any by its id."""
        task = await self._get(name, by)
        seconds = 0.0 if patience is None else patience.until - monotonic()
        if patience is not None and seconds > 0 and task.status.is_live:
            await self.waiting.wait(task.id, seconds, patience.given_up, by=by.user_id)
            task = await self._get(str(task.id), by)
        return self._shown(task)

    async def list(
        self, chosen: TaskFilter, *, by: Principal, after: Position | None, limit: int
    ) -> Page[Task]:
        """One's own, for admins everybody's."""
        visible = chosen if by.is_admin else replace(chosen, owner=by.user_id)
        async with self.read() as view:
            page = await view.tasks.page(visible, after=after, limit=limit)
        return Page([self._shown(task) for task in page.rows], page.after)

    async def cancel(self, name: str, *, by: Principal) -> Task | None:
        """Cancel what waits, forget what has ended; what runs is asked to stop, and returned."""
        async with self.write() as tx:
            task = await tx.tasks.get(name, by=by, lock=True)
            match task.status:
                case TaskStatus.RUNNING:
                    return self._shown(await tx.tasks.ask_to_stop(task.id))
                case TaskStatus.QUEUED:
                    await tx.tasks.cancel(task.id)
                case TaskStatus.SUCCEEDED | TaskStatus.DEAD | TaskStatus.CANCELLED:
                    await tx.tasks.remove(task.id)
        return None

    async def retry(self, name: str, *, by: Principal) -> Task:
        """A dead one again; it counts as live again."""
        async with self.write() as tx:
            task = await tx.tasks.get(name, by=by, lock=True)
            if task.status is not TaskStatus.DEAD:
                raise NotDead
            self._check_audience(task.kind, by)
            await tx.tasks.take_turn(task.owner_id, alone=True)
            if await tx.tasks.count_live(task.owner_id, most=self.most) >= self.most:
                raise TooManyTasks
            return self._shown(await tx.tasks.revive(task.id))

    async def _get(self, name: str, by: Principal) -> Task:
        async with self.read() as view:
            return await view.tasks.get(name, by=by)

    async def _keep(self, task: NewTask, *, alone: bool, may_be_known: bool) -> Task | None:
        """None where there is no room, or, unless alone, where somebody else may be quicker."""
        below = self.most if alone else self.most - MARGIN
        async with self.write() as tx:
            await tx.tasks.take_turn(task.owner_id, alone=alone)
            if may_be_known and (known := await tx.tasks.find_same(task)):
                return known
            return await tx.tasks.add(task, below=below)

    def _checked(self, request: TaskRequest, by: Principal) -> NewTask:
        kind = self.kinds.find(request.kind)
        if kind is None:
            raise UnknownKind(pointer="/kind")
        self._check_audience(request.kind, by)
        if encoded_size(request.data) > LARGEST_DATA:
            raise PayloadTooLarge
        kind.read(request.data)
        task_id = self.new_id()
        return NewTask(
            id=task_id,
            task_id=request.task_id or str(task_id),
            owner_id=by.user_id,
            kind=request.kind,
            data=request.data,
            priority=request.priority,
            run_at=self._due(request.run_at),
        )

    def _due(self, run_at: datetime | None) -> datetime | None:
        """In UTC; whether it is still to come, the clock that all workers share decides."""
        now = self.clock()
        if run_at is None or run_at < now - FURTHEST:
            return None
        if run_at > now + FURTHEST:
            raise InvalidRunAt(pointer="/run_at")
        return run_at.astimezone(UTC)

    def _check_audience(self, name: str, by: Principal) -> None:
        kind = self.kinds.find(name)
        if kind is not None and kind.audience not in _audiences(by):
            raise KindNotAllowed

    def _shown(self, task: Task) -> Task:
        """Nobody here knows what the data of an unknown kind hold: they are not shown."""
        kind = self.kinds.find(task.kind)
        return replace(task, data={} if kind is None else kind.shown(task.data))


def _audiences(by: Principal) -> Collection[Audience]:
    return {Audience.EVERYBODY, Audience.ADMINS} if by.is_admin else {Audience.EVERYBODY}
