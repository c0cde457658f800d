"""Tasks: requests, their state, errors and ports."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from jubilee.domain.audit.entry import AuditTransaction
from jubilee.domain.errors import Conflict, Invalid, LimitReached, NotAllowed, NotFound
from jubilee.domain.idempotency.answers import AnswerTransaction
from jubilee.domain.identity import Principal, UserId
from jubilee.domain.jobs.queue import DEFAULT_PRIORITY
from jubilee.domain.paging import Page, Position

TASK_ID = "[A-Za-z0-9._:-]{1,128}"
"""The pattern of a `task_id`; ids made by the service match it."""

DEFAULT_KIND = "echo"
MAX_DATA_BYTES = 65_536  # of compact JSON in UTF-8
MAX_PAGE_BYTES = 262_144  # of JSON in a page of a list; a larger first task is a page of its own
MAX_DELAY = timedelta(days=5 * 366)


class TaskNotFound(NotFound):
    """The task does not exist."""

    code = "task_not_found"


class TaskIdTaken(Conflict):
    """You already have a task with this `task_id`, of another kind or with other data."""

    code = "task_id_taken"


class TaskNotDead(Conflict):
    """Only a dead task can be retried."""

    code = "not_dead"


class StillLive(Conflict):
    """The task has not ended: cancel it first."""

    code = "still_live"


class AlreadyEnded(Conflict):
    """The task has already ended."""

    code = "already_ended"


class TooManyTasks(LimitReached):
    """The account has reached its limit of waiting and running tasks."""

    code = "too_many_tasks"


class KindNotAllowed(NotAllowed):
    """Your account may not request this kind of task."""

    code = "kind_not_allowed"


class InvalidRunAt(Invalid):
    """`run_at` must be within five years."""

    code = "invalid_run_at"


class PayloadTooLarge(Invalid):
    """The data are larger than 64 KiB."""

    code = "payload_too_large"

    def __init__(self) -> None:
        """The pointer is always that of the data."""
        super().__init__(pointer="/data")


class TaskStatus(StrEnum):
    """The state of a task; scheduled tasks and waiting retries are `queued`."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    DEAD = "dead"
    CANCELLED = "cancelled"

    @property
    def is_live(self) -> bool:
        """Whether the task has not ended."""
        return self in {TaskStatus.QUEUED, TaskStatus.RUNNING}


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRequest:
    """A request for a task; requests with the same `task_id` create one task.

    Without a `task_id` the task is named by its id; without `run_at` it is due at once.
    """

    data: Mapping[str, object]
    kind: str = DEFAULT_KIND
    task_id: str | None = None
    priority: int = DEFAULT_PRIORITY
    run_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """The state of a task; all times are of the database's clock.

    `owner_id` is the account that requested it. Jobs of producers, mails and greetings have none;
    their id is their `task_id`, too.
    """

    id: UUID
    task_id: str
    owner_id: UserId | None
    kind: str
    data: Mapping[str, object]
    priority: int
    status: TaskStatus
    attempts: int
    max_attempts: int
    run_at: datetime
    progress: Mapping[str, object] | None = None
    result: Mapping[str, object] | None = None
    error: Mapping[str, object] | None = None
    cancel_requested_at: datetime | None = None
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None

    @property
    def cancel_requested(self) -> bool:
        """Whether the next heartbeat will interrupt it."""
        return self.cancel_requested_at is not None


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """Conditions of a list; `unowned` selects the jobs that no account requested."""

    owner: UserId | None = None
    unowned: bool = False
    status: TaskStatus | None = None
    kind: str | None = None


# Ports


class TaskReader(Protocol):
    """Reads tasks, and for admins all other jobs, which have no owner."""

    async def get(self, name: str, *, by: Principal) -> Task:
        """Find a task by id or by the caller's `task_id`; raise TaskNotFound."""

    async def page(self, chosen: TaskFilter, *, after: Position | None, limit: int) -> Page[Task]:
        """List tasks, newest first; a page ends early at MAX_PAGE_BYTES."""


class TaskQueue(Protocol):
    """Queues tasks within the quotas of their owners."""

    async def add(
        self, request: TaskRequest, *, new_id: UUID, owner: UserId, limit: int
    ) -> Task | None:
        """Insert the task as the last write of its transaction, which may be committed at once.

        Returns None if the owner has a task with its `task_id`, or if the upper bound of their live
        tasks has reached `limit`. Inserts of one owner wait for each other's commit.
        """

    async def admit(self, owner: UserId, *, limit: int) -> bool:
        """Raise the upper bound of the owner's live tasks; False if it has reached `limit`."""

    async def recount(self, owner: UserId, *, limit: int) -> None:
        """Count the owner's live tasks, up to `limit`, and store the number as their upper bound.

        Blocks `add`, `admit` and `recount` of the owner until the transaction ends, not workers.
        """

    async def find_same(self, request: TaskRequest, *, owner: UserId) -> Task | None:
        """Find the owner's task with the same `task_id`.

        Raises TaskIdTaken if its kind or data differ.
        """

    async def retry(self, task_id: UUID) -> Task:
        """Queue a dead task again, due now, with no attempts counted; its error stays."""


class SharedTaskQueue(Protocol):
    """Queues the tasks of concurrent calls together."""

    async def add_shared(
        self, request: TaskRequest, *, new_id: UUID, owner: UserId, limit: int
    ) -> Task | None:
        """Insert and commit the task, as the only statement of its unit of work.

        Concurrent calls may be committed together. None wherever a task of the owner may have its
        `task_id`, the limit may be reached, or it would take a wait to insert it: then nothing is
        inserted, and `TaskQueue.add` decides.
        """


class TaskRepository(Protocol):
    """The tasks that a caller cancels, deletes or retries."""

    async def get(self, name: str, *, by: Principal, lock: bool = False) -> Task:
        """Find a task by id or by the caller's `task_id`; raise TaskNotFound."""

    async def cancel(self, task_id: UUID) -> Task:
        """Cancel a queued task."""

    async def request_cancel(self, task_id: UUID) -> Task:
        """Request a running task to stop at its next heartbeat."""

    async def remove(self, task_id: UUID) -> None:
        """Delete an ended task."""


class TaskView(Protocol):
    """The repositories that task use cases read from."""

    @property
    def tasks(self) -> TaskReader:
        """The tasks."""


class SharedTaskTransaction(Protocol):
    """What adding a task together with others needs."""

    @property
    def task_queue(self) -> SharedTaskQueue:
        """The queue of tasks."""


class TaskTransaction(AnswerTransaction, AuditTransaction, Protocol):
    """The repositories that task use cases need in one transaction."""

    @property
    def tasks(self) -> TaskRepository:
        """The tasks."""

    @property
    def task_queue(self) -> TaskQueue:
        """The queue of tasks."""


def encoded_size(data: Mapping[str, object]) -> int:
    """Return the size in bytes as compact JSON in UTF-8."""
    return len(json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode())
