"""Endpoints for tasks: work that a worker runs in the background."""

from http import HTTPStatus
from time import monotonic

from starlette.responses import Response

from jubilee.domain.errors import NotAllowed
from jubilee.domain.jobs.kinds import InvalidPayload, UnknownKind
from jubilee.domain.scopes import Scope
from jubilee.domain.tasks.service import WaitOptions
from jubilee.domain.tasks.task import (
    InvalidRunAt,
    KindNotAllowed,
    PayloadTooLarge,
    Task,
    TaskIdTaken,
    TaskNotDead,
    TaskNotFound,
    TooManyTasks,
)
from jubilee.entrypoints.http.framework.conditions import (
    MalformedCondition,
    content_tag,
    precondition,
)
from jubilee.entrypoints.http.framework.endpoint import (
    Access,
    AnyEndpoint,
    Call,
    Endpoint,
    Idempotency,
    Nothing,
    ResponseSpec,
)
from jubilee.entrypoints.http.framework.paging import page_of, paged, position
from jubilee.entrypoints.http.framework.responses import (
    current_or_known,
    no_content,
    ok,
    tagged,
)
from jubilee.entrypoints.http.task_kinds import NEW_TASK_EXAMPLES, NewTask
from jubilee.entrypoints.http.task_models import (
    NEW_TASK_EXAMPLE,
    QUEUED_EXAMPLE,
    TASK_EXAMPLE,
    NewTaskBody,
    TaskPage,
    TaskQuery,
    TaskReply,
    WaitQuery,
)

TAG = "tasks"


async def create_task(call: Call[NewTaskBody, Nothing]) -> Response:
    """POST /tasks."""
    task = await call.services.tasks.create(call.body.to_domain(), by=call.principal)
    headers = {"Location": f"{call.mount}/tasks/{task.id}"}
    return tagged(TaskReply.of(task), headers=headers, status=HTTPStatus.ACCEPTED)


async def list_tasks(call: Call[Nothing, TaskQuery]) -> Response:
    """GET /tasks."""
    query = call.query
    page = await call.services.tasks.list(
        query.to_domain(), by=call.principal, after=position(call), limit=query.limit
    )
    return paged(call, page, TaskReply.of)


async def get_task(call: Call[Nothing, WaitQuery]) -> Response:
    """GET /tasks/{task_id}."""
    until = call.extend(call.query.wait)
    wait = WaitOptions(lambda: until - monotonic(), lambda: call.context.in_flight.draining)
    task = await call.services.tasks.get(call.task_id, by=call.principal, wait=wait)
    return ok(TaskReply.of(task))


async def cancel_task(call: Call[Nothing, Nothing]) -> Response:
    """DELETE /tasks/{task_id}."""
    expects = precondition(call.request.headers, _tag)
    running = await call.services.tasks.cancel(call.task_id, by=call.principal, expects=expects)
    if running is None:
        return no_content()
    return tagged(TaskReply.of(running), status=HTTPStatus.ACCEPTED)


async def retry_task(call: Call[Nothing, Nothing]) -> Response:
    """POST /tasks/{task_id}/retry."""
    expects = precondition(call.request.headers, _tag)
    task = await call.services.tasks.retry(call.task_id, by=call.principal, expects=expects)
    return tagged(TaskReply.of(task), status=HTTPStatus.ACCEPTED)


def _tag(task: Task) -> str:
    return content_tag(TaskReply.of(task))


TAGGED = {"ETag": "version of the task, for `If-Match` and `If-None-Match`"}
PAYLOAD_ERRORS = (UnknownKind, InvalidPayload, PayloadTooLarge, InvalidRunAt, KindNotAllowed)


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="POST",
        path="/tasks",
        name="createTask",
        summary="Create a task; idempotent with a `task_id`",
        tag=TAG,
        access=Access.SIGNED_IN,
        scope=Scope.TASKS_WRITE,
        handler=create_task,
        body=NewTaskBody,
        body_schema=NewTask,
        example=NEW_TASK_EXAMPLE,
        examples=NEW_TASK_EXAMPLES,
        replies=(
            ResponseSpec(
                status=HTTPStatus.ACCEPTED,
                description="The task is stored and queued.",
                model=TaskReply,
                headers={"Location": "path of the task", **TAGGED},
                example=QUEUED_EXAMPLE,
            ),
        ),
        errors=(*PAYLOAD_ERRORS, TaskIdTaken, TooManyTasks),
        idempotency=Idempotency.IN_TRANSACTION,
    ),
    Endpoint(
        method="GET",
        path="/tasks",
        name="listTasks",
        summary="List one's own tasks, newest first; as an admin, all tasks",
        tag=TAG,
        access=Access.SIGNED_IN,
        scope=Scope.TASKS_READ,
        handler=list_tasks,
        query=TaskQuery,
        replies=(page_of(TaskPage, TASK_EXAMPLE),),
        errors=(NotAllowed,),
    ),
    Endpoint(
        method="GET",
        path="/tasks/{task_id}",
        name="getTask",
        summary="Get a task; with `wait`, after it has ended",
        tag=TAG,
        access=Access.SIGNED_IN,
        scope=Scope.TASKS_READ,
        handler=get_task,
        query=WaitQuery,
        replies=current_or_known(
            ResponseSpec(
                status=200,
                description="The task; after `wait` it may still be unfinished.",
                model=TaskReply,
                headers=TAGGED,
                example=TASK_EXAMPLE,
            )
        ),
        errors=(TaskNotFound, MalformedCondition),
    ),
    Endpoint(
        method="DELETE",
        path="/tasks/{task_id}",
        name="cancelTask",
        summary="Cancel a task, or delete it if it has ended",
        tag=TAG,
        access=Access.SIGNED_IN,
        scope=Scope.TASKS_WRITE,
        handler=cancel_task,
        replies=(
            ResponseSpec(
                status=HTTPStatus.ACCEPTED,
                description="The task is running and has been asked to stop.",
                model=TaskReply,
                headers=TAGGED,
                example={
                    **QUEUED_EXAMPLE,
                    "status": "running",
                    "attempts": 1,
                    "cancel_requested": True,
                    "started_at": TASK_EXAMPLE["started_at"],
                },
            ),
            ResponseSpec(status=204, description="The task is cancelled, or deleted if it ended."),
        ),
        errors=(TaskNotFound, MalformedCondition),
        conditional=True,
    ),
    Endpoint(
        method="POST",
        path="/tasks/{task_id}/retry",
        name="retryTask",
        summary="Queue a dead task again",
        tag=TAG,
        access=Access.SIGNED_IN,
        scope=Scope.TASKS_WRITE,
        handler=retry_task,
        replies=(
            ResponseSpec(
                status=HTTPStatus.ACCEPTED,
                description="The task is queued again; it keeps `error` until it succeeds.",
                model=TaskReply,
                headers=TAGGED,
                example=QUEUED_EXAMPLE,
            ),
        ),
        errors=(TaskNotFound, TaskNotDead, KindNotAllowed, TooManyTasks, MalformedCondition),
        conditional=True,
    ),
)
