"""Tasks for the contracts, and how they come to stand as a test wants them."""

from dataclasses import replace
from typing import Any

from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.transaction import PostgresTransaction
from jubilee.domain.identity import Principal, SessionId, UserId
from jubilee.domain.tasks.task import Task, TaskStatus, ValidatedTask
from jubilee.domain.users.user import User
from tests.contracts.conftest import Database

BECOME = """
    UPDATE jobs SET status = $2, attempts = 3, epoch = 4, error = '{"code": "x"}',
        started_at = now(), dispatched_at = now(),
        finished_at = CASE WHEN $2 IN ('queued', 'running') THEN NULL ELSE now() END
    WHERE id = $1
"""


def by(user: User, *, admin: bool = False) -> Principal:
    """The person, signed in."""
    return Principal(user.id, SessionId(new_id()), is_admin=admin)


def a_task(owner: User, **more: Any) -> ValidatedTask:
    """An echo that is due at once."""
    key = new_id()
    given: dict[str, Any] = {"id": key, "task_id": str(key), "kind": "echo", "data": {"n": 1}}
    return ValidatedTask(**{**given, "owner_id": owner.id, "priority": 5, "run_at": None, **more})


async def added(database: Database, *tasks: ValidatedTask, below: int = 100) -> list[Task | None]:
    """Each in a transaction of its own."""
    kept = []
    for task in tasks:
        async with database.write() as tx:
            kept.append(await tx.tasks.add(task, below=below))
    return kept


async def a_kept_task(database: Database, owner: User, **more: Any) -> Task:
    """One that has been added."""
    [task] = await added(database, a_task(owner, **more))
    assert task is not None
    return task


async def become(database: Database, task: Task, status: TaskStatus) -> Task:
    """Have it stand so, after three attempts."""
    async with database.write() as tx:
        if isinstance(tx, PostgresTransaction):
            await tx.executor.driver.execute(BECOME, task.id, status.value)
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
