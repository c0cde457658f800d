"""Request and response bodies of tasks."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import ConfigDict, Field

from jubilee.domain.identity import UserId
from jubilee.domain.jobs.queue import DEFAULT_PRIORITY, MAX_PRIORITY
from jubilee.domain.tasks.task import (
    DEFAULT_KIND,
    TASK_ID,
    Task,
    TaskFilter,
    TaskRequest,
    TaskStatus,
)
from jubilee.entrypoints.http.fields import UUID_PATTERN, Instant
from jubilee.entrypoints.http.framework.endpoint import Model, ReplyModel
from jubilee.entrypoints.http.framework.paging import PageQuery, PageReply

MAX_WAIT_S = 60
NO_OWNER = "none"

NEW_TASK_EXAMPLE = {"task_id": "order-4711", "kind": "echo", "data": {"order": 4711}}
TASK_EXAMPLE = {
    "id": "019aa0c1-7d4e-7c35-9d0f-3a4b5c6d7e8f",
    "owner_id": "019aa0c0-11aa-7b02-8c5e-5f6a7b8c9d0e",
    **NEW_TASK_EXAMPLE,
    "priority": 5,
    "status": "succeeded",
    "attempts": 1,
    "max_attempts": 10,
    "run_at": "2026-11-20T09:00:00Z",
    "progress": None,
    "result": {"order": 4711},
    "error": None,
    "cancel_requested": False,
    "created_at": "2026-11-20T09:00:00Z",
    "started_at": "2026-11-20T09:00:00.004Z",
    "finished_at": "2026-11-20T09:00:00.009Z",
}
QUEUED_EXAMPLE = {
    **TASK_EXAMPLE,
    "status": "queued",
    "attempts": 0,
    "result": None,
    "started_at": None,
    "finished_at": None,
}


KindName = Annotated[str, Field(min_length=1, max_length=100, examples=["echo"])]


class TaskOptions(Model):
    """Members of a new task that do not depend on its kind."""

    task_id: Annotated[str, Field(pattern=f"^{TASK_ID}$")] | None = Field(
        None, description="identifier chosen by the client; the server's `id` if absent"
    )
    priority: int = Field(DEFAULT_PRIORITY, ge=0, le=MAX_PRIORITY, description="0 runs first")
    run_at: Instant | None = Field(
        None,
        description="earliest time to run, within five years; now if absent",
        examples=["2026-12-24T18:00:00+01:00"],
    )


class NewTaskBody(TaskOptions):
    """A task to create; repeating the request with the same `task_id` creates no second one."""

    kind: KindName = DEFAULT_KIND
    data: dict[str, Any] = Field(description="payload of the kind; at most 64 KiB")

    def to_domain(self) -> TaskRequest:
        """Return the request for the task service."""
        return TaskRequest(
            data=self.data,
            kind=self.kind,
            task_id=self.task_id,
            priority=self.priority,
            run_at=self.run_at,
        )


class TaskQuery(PageQuery):
    """Filters of the list of tasks."""

    owner: str | None = Field(
        None,
        pattern=f"^({NO_OWNER}|{UUID_PATTERN})$",
        examples=[NO_OWNER],
        description="id of the account that created the tasks; `none` for tasks without an owner"
        " (jobs of producers, mails, greetings). Only admins may name another account.",
    )
    status: TaskStatus | None = Field(None, description="only tasks with this status")
    kind: KindName | None = Field(None, description="only tasks of this kind")

    def to_domain(self) -> TaskFilter:
        """Return the filter for the task service."""
        unowned = self.owner == NO_OWNER
        owner = None if unowned or self.owner is None else UserId(UUID(self.owner))
        return TaskFilter(owner=owner, unowned=unowned, status=self.status, kind=self.kind)


class WaitQuery(Model):
    """How long the response may be delayed."""

    wait: float = Field(
        0,
        ge=0,
        le=MAX_WAIT_S,
        description="seconds to wait for the task to end before responding",
    )


class TaskReply(ReplyModel):
    """A task, with the secrets in its data masked.

    The texts of mails and the bodies of requests are masked for all but the task's owner.
    """

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    task_id: str = Field(description="identifier chosen by the client; else the same as `id`")
    owner_id: UUID | None = Field(
        description="account that created the task; null for jobs of producers, mails, greetings"
    )
    kind: str
    data: dict[str, Any]
    priority: int = Field(ge=0, le=MAX_PRIORITY)
    status: TaskStatus
    attempts: int
    max_attempts: int
    run_at: datetime
    progress: dict[str, Any] | None
    result: dict[str, Any] | None
    error: dict[str, Any] | None = Field(description="error of the last failed attempt")
    cancel_requested: bool = Field(description="whether the running task was asked to stop")
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @classmethod
    def of(cls, task: Task) -> Self:
        """Make the reply for a task."""
        return cls.model_validate(task)


class TaskPage(PageReply):
    """One page of tasks."""

    items: list[TaskReply]
