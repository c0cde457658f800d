"""Tasks on the wire."""

import re
from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from jubilee.domain.identity import UserId
from jubilee.domain.tasks.task import (
    DEFAULT_KIND,
    DEFAULT_PRIORITY,
    MAX_PRIORITY,
    TASK_ID,
    Task,
    TaskFilter,
    TaskRequest,
    TaskStatus,
)
from jubilee.entrypoints.http.framework.endpoint import Model
from jubilee.entrypoints.http.framework.paging import PageQuery, PageReply

MAX_WAIT_S = 60  # seconds
NO_OWNER = "none"
UUID_PATTERN = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})"
)

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


def _instant(value: object) -> object:
    """Pydantic alone would take a text of digits, too, as seconds since 1970."""
    if not isinstance(value, str):
        return value
    try:
        if RFC_3339.fullmatch(value):
            return datetime.fromisoformat(value.upper())
    except ValueError:
        pass
    raise PydanticCustomError(
        "invalid_instant", "A moment is written as RFC 3339 has it, with its zone."
    )


Instant = Annotated[datetime, BeforeValidator(_instant)]
KindName = Annotated[str, Field(min_length=1, max_length=100, examples=["echo"])]


class TaskOptions(Model):
    """Members of a new task that do not depend on its kind."""

    task_id: Annotated[str, Field(pattern=f"^{TASK_ID}$")] | None = Field(
        None, description="a name of your own; without it, the server's id"
    )
    priority: int = Field(DEFAULT_PRIORITY, ge=0, le=MAX_PRIORITY, description="0 goes first")
    run_at: Instant | None = Field(
        None,
        description="not before this moment; within five years",
        examples=["2026-12-24T18:00:00+01:00"],
    )


class NewTaskBody(TaskOptions):
    """What is to be done; the same one twice by one `task_id` is one task."""

    kind: KindName = DEFAULT_KIND
    data: dict[str, Any] = Field(description="what the kind needs; 64 KiB at most")

    def request(self) -> TaskRequest:
        """In the domain's words."""
        return TaskRequest(
            data=self.data,
            kind=self.kind,
            task_id=self.task_id,
            priority=self.priority,
            run_at=self.run_at,
        )


class TaskQuery(PageQuery):
    """Which tasks."""

    owner: str | None = Field(
        None,
        pattern=f"^({NO_OWNER}|{UUID_PATTERN})$",
        examples=[NO_OWNER],
        description="only those that this account asked for; `none`: those that no account asked"
        " for, which are producers' jobs, mails and greetings. Admins alone may name another's.",
    )
    status: TaskStatus | None = Field(None, description="only those that stand so")
    kind: KindName | None = Field(None, description="only those of this kind")

    def chosen(self) -> TaskFilter:
        """In the domain's words."""
        unowned = self.owner == NO_OWNER
        owner = None if unowned or self.owner is None else UserId(UUID(self.owner))
        return TaskFilter(owner=owner, unowned=unowned, status=self.status, kind=self.kind)


class WaitQuery(Model):
    """How patient the caller is."""

    wait: float = Field(
        0,
        ge=0,
        le=MAX_WAIT_S,
        description="the seconds after which it is answered at the latest, ended or not",
    )


class TaskReply(BaseModel):
    """A task as it is shown; what of its data is secret is masked.

    So are, for all but the account that asked: the texts of mails, and the bodies of requests.
    """

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    task_id: str = Field(description="its owner's name for it; without one, the server's id")
    owner_id: UUID | None = Field(
        description="the account that asked for it; null for producers' jobs, mails and greetings"
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
    error: dict[str, Any] | None = Field(description="of the last attempt that failed")
    cancel_requested: bool = Field(description="whether it is to stop while it runs")
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @classmethod
    def of(cls, task: Task) -> Self:
        """The entity's members."""
        return cls.model_validate(task)


class TaskPage(PageReply):
    """One page of tasks."""

    items: list[TaskReply]
