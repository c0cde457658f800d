"""Use cases of tasks."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from jubilee.domain.audit.entry import AuditEvent, record_access, record_read
from jubilee.domain.clock import Clock
from jubilee.domain.concurrency import VersionCheck, require
from jubilee.domain.errors import NotAllowed
from jubilee.domain.idempotency.commit import answered, commits_at_once
from jubilee.domain.identity import NewId, Principal
from jubilee.domain.jobs.kinds import Audience, JobKind, JobKinds, UnknownKind
from jubilee.domain.jobs.payload import MASK
from jubilee.domain.jobs.waiter import IsAbandoned, JobWaiter
from jubilee.domain.paging import Page, Position
from jubilee.domain.tasks.quota import add_within_limit, admit_within_limit
from jubilee.domain.tasks.task import (
    MAX_DATA_BYTES,
    MAX_DELAY,
    AlreadyEnded,
    InvalidRunAt,
    KindNotAllowed,
    PayloadTooLarge,
    SharedTaskTransaction,
    StillLive,
    Task,
    TaskFilter,
    TaskNotDead,
    TaskRequest,
    TaskStatus,
    TaskTransaction,
    TaskView,
    encoded_size,
)
from jubilee.domain.transaction import Begin


@dataclass(frozen=True, slots=True)
class WaitOptions:
    """How long to wait for a task to end."""

    remaining_s: Callable[[], float]
    """Returns the seconds left before the caller's deadline."""
    is_abandoned: IsAbandoned


@dataclass(frozen=True, slots=True)
class TaskService:
    """Use cases of tasks; returned tasks are redacted for the caller."""

    write: Begin[TaskTransaction]
    write_one: Begin[SharedTaskTransaction]
    read: Begin[TaskView]
    read_list: Begin[TaskView]
    kinds: JobKinds
    waiter: JobWaiter
    clock: Clock
    new_id: NewId
    max_live_per_owner: int

    async def create(self, request: TaskRequest, *, by: Principal) -> Task:
        """Create a task, or return the caller's task with the same `task_id`, kind and data."""
        kind = self._kind_for(request, by)
        _check_payload(kind, request.data)
        due = replace(request, run_at=self._due(request.run_at))
        new_id, owner, limit = self.new_id(), by.user_id, self.max_live_per_owner
        task = None
        if commits_at_once():  # most tasks share a statement and a commit
            async with self.write_one() as one:
                queue = one.task_queue
                task = await queue.add_shared(due, new_id=new_id, owner=owner, limit=limit)
        if task is None:
            async with answered(self.write) as tx:
                task = await add_within_limit(
                    tx.task_queue, due, new_id=new_id, owner=owner, limit=limit
                )
        return redacted(task, kind, by)

    async def get(self, name: str, *, by: Principal, wait: WaitOptions | None = None) -> Task:
        """Return the caller's task by id or `task_id`, or any task by id to an admin."""
        task = await self._get(name, by)
        seconds = 0.0 if wait is None else wait.remaining_s()
        if wait is not None and seconds > 0 and task.status.is_live:
            await self.waiter.wait(task.id, seconds, wait.is_abandoned, by=by.user_id)
            task = await self._get(str(task.id), by)
        await record_read(
            self.write, by=by, owner=task.owner_id, resource="task", resource_id=str(task.id)
        )
        return self._redacted(task, by)

    async def list(
        self, chosen: TaskFilter, *, by: Principal, after: Position | None, limit: int
    ) -> Page[Task]:
        """List the caller's tasks, or all jobs for an admin.

        Raises NotAllowed for tasks of other owners.
        """
        visible = chosen if by.is_admin else _own(chosen, by)
        async with self.read_list() as view:
            page = await view.tasks.page(visible, after=after, limit=limit)
        await record_read(self.write, by=by, owner=visible.owner, resource="tasks")
        return Page([self._redacted(task, by) for task in page.rows], page.after)

    async def cancel(
        self, name: str, *, by: Principal, expects: VersionCheck[Task] | None = None
    ) -> Task | None:
        """Cancel a queued task, delete an ended one, or request a running one to stop.

        Returns the task only if it still runs. `expects` is checked against the redacted task;
        raises Stale.
        """
        async with self.write() as tx:
            task = await _locked(tx, name, by)
            require(expects, self._redacted(task, by))
            if not task.status.is_live:
                await self._remove(tx, task)
                return None
            stopped = await self._stop(tx, task)
        return self._redacted(stopped, by) if stopped.status.is_live else None

    async def stop(self, name: str, *, by: Principal) -> Task:
        """Cancel a queued task or request a running one to stop; raise AlreadyEnded."""
        async with self.write() as tx:
            task = await _locked(tx, name, by)
            if not task.status.is_live:
                raise AlreadyEnded
            return self._redacted(await self._stop(tx, task), by)

    async def discard(self, name: str, *, by: Principal) -> None:
        """Delete an ended task; raise StillLive."""
        async with self.write() as tx:
            task = await _locked(tx, name, by)
            if task.status.is_live:
                raise StillLive
            await self._remove(tx, task)

    async def retry(
        self, name: str, *, by: Principal, expects: VersionCheck[Task] | None = None
    ) -> Task:
        """Queue a dead task again, within its owner's limit. Raises Stale as `cancel` does."""
        async with self.write() as tx:
            task = await _locked(tx, name, by)
            require(expects, self._redacted(task, by))
            if task.status is not TaskStatus.DEAD:
                raise TaskNotDead
            kind = self.kinds.find(task.kind)
            if kind is not None and not by.is_admin:
                _check_audience(kind, by)
            if task.owner_id is not None:
                limit = self.max_live_per_owner
                await admit_within_limit(tx.task_queue, task.owner_id, limit=limit)
            return self._redacted(await tx.task_queue.retry(task.id), by)

    async def _stop(self, tx: TaskTransaction, task: Task) -> Task:
        if task.status is TaskStatus.RUNNING:
            return await tx.tasks.request_cancel(task.id)
        await self._close(tx, task)
        return await tx.tasks.cancel(task.id)

    async def _remove(self, tx: TaskTransaction, task: Task) -> None:
        if task.status is not TaskStatus.SUCCEEDED:
            await self._close(tx, task)
        await tx.tasks.remove(task.id)

    async def _close(self, tx: TaskTransaction, task: Task) -> None:
        kind = self.kinds.find(task.kind)
        if kind is not None:
            await kind.close(task.data, tx)

    async def _get(self, name: str, by: Principal) -> Task:
        async with self.read() as view:
            return await view.tasks.get(name, by=by)

    def _kind_for(self, request: TaskRequest, by: Principal) -> JobKind[Any, Any]:
        kind = self.kinds.find(request.kind)
        if kind is None:
            raise UnknownKind(pointer="/kind")
        _check_audience(kind, by)
        return kind

    def _due(self, run_at: datetime | None) -> datetime | None:
        """Return the due time in UTC; times long past count as absent."""
        now = self.clock()
        if run_at is None or run_at < now - MAX_DELAY:
            return None
        if run_at > now + MAX_DELAY:
            raise InvalidRunAt(pointer="/run_at")
        return run_at.astimezone(UTC)

    def _redacted(self, task: Task, by: Principal) -> Task:
        return redacted(task, self.kinds.find(task.kind), by)


async def _locked(tx: TaskTransaction, name: str, by: Principal) -> Task:
    """Lock the task, and record that an admin changes another account's."""
    task = await tx.tasks.get(name, by=by, lock=True)
    await record_access(
        tx.audit,
        AuditEvent.ADMIN_WRITE,
        by=by,
        owner=task.owner_id,
        resource="task",
        resource_id=str(task.id),
    )
    return task


def redacted(task: Task, kind: JobKind[Any, Any] | None, by: Principal) -> Task:
    """Return the task as `by` may see it.

    The data of an unknown kind (None) are hidden: they may contain secrets. Private members are
    masked for admins who do not own the task; all members of the result of an unknown kind are
    private.
    """
    data = {} if kind is None else kind.redact(task.data)
    if task.owner_id == by.user_id:
        return task if data is task.data else replace(task, data=data)
    result = task.result or {}
    private = result if kind is None else kind.private
    masked = None if task.result is None else _masked(result, private)
    return replace(task, data=_masked(data, private), result=masked)


def _check_audience(kind: JobKind[Any, Any], by: Principal) -> None:
    if kind.audience not in _audiences(by):
        raise KindNotAllowed


def _check_payload(kind: JobKind[Any, Any], data: Mapping[str, object]) -> None:
    """Raise PayloadTooLarge or InvalidPayload."""
    if encoded_size(data) > MAX_DATA_BYTES:
        raise PayloadTooLarge
    kind.read(data)


def _masked(document: Mapping[str, object], private: Collection[str]) -> Mapping[str, object]:
    return {name: MASK if name in private else value for name, value in document.items()}


def _own(chosen: TaskFilter, by: Principal) -> TaskFilter:
    if chosen.unowned or chosen.owner not in {None, by.user_id}:
        raise NotAllowed
    return replace(chosen, owner=by.user_id)


def _audiences(by: Principal) -> Collection[Audience]:
    return {Audience.USERS, Audience.ADMINS} if by.is_admin else {Audience.USERS}
