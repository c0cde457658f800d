"""Tasks for the contract tests, and setting their status."""

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.jobs.tasks import PostgresLiveJobs
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.single_writes import single_writes
from jubilee.adapters.postgres.transaction import PostgresTransaction, transactions, views
from jubilee.adapters.postgres.write_context import WriteContext
from jubilee.domain.identity import Principal, SessionId, UserId
from jubilee.domain.jobs.kinds import JobKinds
from jubilee.domain.jobs.queue import NewJob
from jubilee.domain.jobs.waiter import JobWaiter
from jubilee.domain.tasks.echo import Echo
from jubilee.domain.tasks.service import TaskService
from jubilee.domain.tasks.task import (
    Task,
    TaskFilter,
    TaskNotFound,
    TaskRequest,
    TaskStatus,
)
from jubilee.domain.transaction import Begin
from jubilee.domain.users.user import User
from tests.contracts.accounts import NOW
from tests.contracts.conftest import Database

SET_STATUS = """
    UPDATE jobs SET status = $2, attempts = 3, epoch = 4, error = '{"code": "x"}',
        started_at = now(), dispatched_at = now(),
        finished_at = CASE WHEN $2 IN ('queued', 'running') THEN NULL ELSE now() END
    WHERE id = $1
"""


@dataclass(frozen=True, slots=True)
class TaskDatabase(Database):
    """A database with units of one statement, which concurrent calls share."""

    write_one: Begin[Any]


def task_database(pool: ConnectionPool, context: WriteContext) -> TaskDatabase:
    """Return the database of the pool, whose rows are written with the context."""
    return TaskDatabase(
        transactions(pool, context), views(pool, context), single_writes(pool, context)
    )


def make_service(
    database: TaskDatabase, pool: ConnectionPool, max_live: int = 10_000
) -> TaskService:
    """Return the use cases of tasks over the database."""
    return TaskService(
        write=database.write,
        write_one=database.write_one,
        read=database.read,
        read_list=database.read,
        kinds=JobKinds([Echo()]),
        waiter=JobWaiter(PostgresLiveJobs(pool)),
        clock=lambda: NOW,
        new_id=new_id,
        max_live_per_owner=max_live,
    )


def principal_of(user: User, *, admin: bool = False) -> Principal:
    """Return the principal of a signed-in account."""
    return Principal(user.id, SessionId(new_id()), is_admin=admin)


@dataclass(frozen=True, slots=True)
class OwnedRequest:
    """A request with the owner and the id that a task gets."""

    id: UUID
    owner_id: UserId
    request: TaskRequest


def make_task(owner: User, **more: Any) -> OwnedRequest:
    """Return a request for an echo that is due at once."""
    given: dict[str, Any] = {"kind": "echo", "data": {"n": 1}}
    return OwnedRequest(new_id(), owner.id, TaskRequest(**{**given, **more}))


async def insert_task(tx: Any, task: OwnedRequest, *, limit: int) -> Task | None:
    """Insert the task in a transaction; None if the owner has so many live ones."""
    await tx.task_queue.recount(task.owner_id, limit=limit)
    added: Task | None = await tx.task_queue.add(
        task.request, new_id=task.id, owner=task.owner_id, limit=limit
    )
    return added


async def find_same(view: Any, task: OwnedRequest) -> Task | None:
    """Find the task that the same request has created."""
    found: Task | None = await view.task_queue.find_same(task.request, owner=task.owner_id)
    return found


async def add_tasks(
    database: Database, *tasks: OwnedRequest, limit: int = 100
) -> list[Task | None]:
    """Add each task in its own transaction."""
    results = []
    for task in tasks:
        async with database.write() as tx:
            results.append(await insert_task(tx, task, limit=limit))
    return results


async def add_task(database: Database, owner: User, **more: Any) -> Task:
    """Add a task in its own transaction."""
    [task] = await add_tasks(database, make_task(owner, **more))
    assert task is not None
    return task


async def set_status(database: Database, task: Task, status: TaskStatus) -> Task:
    """Set a task's status, after three attempts."""
    async with database.write() as tx:
        if isinstance(tx, PostgresTransaction):
            await tx.executor.driver.execute(SET_STATUS, task.id, status.value)
        else:
            now = tx.tasks.clock()
            ended = None if status.is_live else now
            tx.tasks.rows[task.id] = replace(
                task,
                status=status,
                attempts=3,
                error={"code": "x"},
                started_at=now,
                finished_at=ended,
            )
    async with database.read() as view:
        changed: Task = await view.tasks.get(
            str(task.id), by=Principal(UserId(new_id()), SessionId(new_id()), is_admin=True)
        )
    return changed


async def find(database: Database, name: str, person: User, *, admin: bool = False) -> Task | None:
    try:
        async with database.read() as view:
            task: Task = await view.tasks.get(name, by=principal_of(person, admin=admin))
    except TaskNotFound:
        return None
    return task


async def list_tasks(database: Database, chosen: TaskFilter, limit: int = 100) -> list[Task]:
    """Return the tasks of all pages."""
    found, after = [], None
    while True:
        async with database.read() as view:
            page = await view.tasks.page(chosen, after=after, limit=limit)
        assert len(page.rows) <= limit
        found += page.rows
        if page.after is None:
            return found
        after = page.after


async def add_unowned(database: Database, person: User, kind: str = "email.welcome") -> NewJob:
    """Add an internal job for an account, which is not a task of its own."""
    job = NewJob(id=new_id(), kind=kind, owner_id=person.id, data={"n": 1})
    async with database.write() as tx:
        await tx.jobs.add(job)
    return job
