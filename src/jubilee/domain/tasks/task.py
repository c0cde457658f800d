"""A task: what was asked for, by whom, and how far it is."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from jubilee.domain.errors import Conflict, Invalid, LimitReached, NotAllowed, NotFound
from jubilee.domain.identity import Principal, UserId
from jubilee.domain.jobs.queue import DEFAULT_PRIORITY
from jubilee.domain.paging import Page, Position

TASK_ID = "[A-Za-z0-9._:-]{1,128}"
"""The pattern of a `task_id`; a server's own id fits it, too."""

DEFAULT_KIND = "echo"
MAX_DATA_BYTES = 65_536  # bytes of compact JSON in UTF-8
MAX_PAGE_BYTES = 262_144  # bytes of JSON in a list, but for its first task: read at one go
MAX_DELAY = timedelta(days=5 * 366)


class TaskNotFound(NotFound):
    """There is no such task."""

    code = "task_not_found"


class TaskIdTaken(Conflict):
    """You have a task of this `task_id` already, of another kind or with other data."""

    code = "task_id_taken"


class TaskNotDead(Conflict):
    """Only a dead task can be tried again."""

    code = "not_dead"


class StillLive(Conflict):
    """This task has not ended: cancel it first."""

    code = "still_live"


class AlreadyEnded(Conflict):
    """This task has ended already."""

    code = "already_ended"


class TooManyTasks(LimitReached):
    """There are as many tasks waiting or running as one account may have."""

    code = "too_many_tasks"


class KindNotAllowed(NotAllowed):
    """Your account may not ask for this kind of task."""

    code = "kind_not_allowed"


class InvalidRunAt(Invalid):
    """A task begins within five years."""

    code = "invalid_run_at"


class PayloadTooLarge(Invalid):
    """The data are larger than 64 KiB."""

    code = "payload_too_large"

    def __init__(self) -> None:
        """It is always the data."""
        super().__init__(pointer="/data")


class TaskStatus(StrEnum):
    """A waiting retry and a time to come are `queued`."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    DEAD = "dead"
    CANCELLED = "cancelled"

    @property
    def is_live(self) -> bool:
        """Whether it has yet to end."""
        return self in {TaskStatus.QUEUED, TaskStatus.RUNNING}


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRequest:
    """What somebody asks for; asking twice by one `task_id` is asking once."""

    data: Mapping[str, object]
    kind: str = DEFAULT_KIND
    task_id: str | None = None
    priority: int = DEFAULT_PRIORITY
    run_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTask:
    """A request that has been checked; without `run_at` it is due at once."""

    id: UUID
    task_id: str
    owner_id: UserId
    kind: str
    data: Mapping[str, object]
    priority: int
    run_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """How it stands; all its times are the database's.

    `owner_id` is the account that asked for it. Producers' jobs, mails and greetings have none;
    the id of such a job is its `task_id`, too.
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
        """Whether it is to stop at the next heartbeat."""
        return self.cancel_requested_at is not None


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """Which tasks are listed, newest first; `unowned` are those that no account asked for."""

    owner: UserId | None = None
    unowned: bool = False
    status: TaskStatus | None = None
    kind: str | None = None


class TaskRepository(Protocol):
    """The tasks, and for admins all other jobs, too: they have no owner."""

    async def get(self, name: str, *, by: Principal, lock: bool = False) -> Task:
        """By its id, or by the caller's own `task_id`; raises TaskNotFound for another's."""

    async def page(self, chosen: TaskFilter, *, after: Position | None, limit: int) -> Page[Task]:
        """Newest first; it ends early where the tasks are large, past LARGEST_PAGE."""

    async def lock_quota(self, owner: UserId, *, exclusive: bool) -> None:
        """Wait until nobody adds to this owner's tasks alone, or, to be alone, nobody at all.

        It lasts until the end of the transaction, and does not stand in the way of workers.
        """

    async def count_live(self, owner: UserId, *, limit: int) -> int:
        """How many of the owner's have yet to end; counts no further than `most`."""

    async def add(self, task: NewTask, *, below: int) -> Task | None:
        """Insert it; None where the owner has `below` live ones, or one of that `task_id`."""

    async def find_same(self, task: NewTask) -> Task | None:
        """The owner's task of that `task_id`.

        Raises TaskIdTaken where it is of another kind or its data differ.
        """

    async def cancel(self, task_id: UUID) -> Task:
        """End one that is queued."""

    async def request_cancel(self, task_id: UUID) -> Task:
        """Have a heartbeat stop one that is running."""

    async def remove(self, task_id: UUID) -> None:
        """Forget one that has ended."""

    async def retry(self, task_id: UUID) -> Task:
        """Queue a dead one again, due now, as if it had not been tried; its error stays."""


class TaskTransaction(Protocol):
    """What tasks need of a transaction."""

    @property
    def tasks(self) -> TaskRepository:
        """The tasks."""


def encoded_size(data: Mapping[str, object]) -> int:
    """Bytes of it as it is sent: compact, in UTF-8."""
    return len(json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode())
