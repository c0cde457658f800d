"""Tasks for the contract tests, and setting their status."""

from dataclasses import replace
from typing import Any

from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.transaction import PostgresTransaction
from jubilee.domain.identity import Principal, SessionId, UserId
from jubilee.domain.tasks.task import Task, TaskStatus, ValidatedTask
from jubilee.domain.users.user import User
from tests.contracts.conftest import Database

SET_STATUS = """
    UPDATE jobs SET status = $2, attempts = 3, epoch = 4, error = '{"code": "x"}',
        started_at = now(), dispatched_at = now(),
        finished_at = CASE WHEN $2 IN ('queued', 'running') THEN NULL ELSE now() END
    WHERE id = $1
"""


def principal_of(user: User, *, admin: bool = False) -> Principal:
    """Return the principal of a signed-in account."""
    return Principal(user.id, SessionId(new_id()), is_admin=admin)


def make_task(owner: User, **more: Any) -> ValidatedTask:
    """Return an echo that is due at once."""
    key = new_id()
    values: dict[str, Any] = {"id": key, "task_id": str(key), "kind": "echo", "data": {"n": 1}}
    return ValidatedTask(**{**values, "owner_id": owner.id, "priority": 5, "run_at": None, **more})


async def add_tasks(
    database: Database, *tasks: ValidatedTask, below: int = 100
) -> list[Task | None]:
    """Add each task in its own transaction."""
    results = []
    for task in tasks:
        async with database.write() as tx:
            results.append(await tx.tasks.add(task, below=below))
    return results


async def add_task(database: Database, owner: User, **more: Any) -> Task:
    """One that has been add_tasks."""
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
