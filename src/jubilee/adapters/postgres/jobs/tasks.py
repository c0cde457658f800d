"""Tasks: the rows of `jobs` with a `task_id`. All times are of the database's clock.

Admins also read the other rows, as tasks without an owner.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from asyncpg import Record

from jubilee.adapters.postgres.jobs.task_pages import TASK, OwnerScope, page_statement, read_task
from jubilee.adapters.postgres.keyset import page
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.statement import Executor, Statement, compose
from jubilee.domain.identity import Principal, UserId
from jubilee.domain.jobs.waiter import LiveJobReader
from jubilee.domain.owned_rows import OwnedTaskStore
from jubilee.domain.paging import Page, Position
from jubilee.domain.tasks.task import (
    MAX_PAGE_BYTES,
    Task,
    TaskFilter,
    TaskNotFound,
    TaskReader,
    TaskRepository,
    TaskStatus,
)

SERVER_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

BY_ID = compose(
    """
    SELECT {task} FROM jobs WHERE id = :id
        AND ((owner_id = CAST(:owner AS uuid) AND task_id IS NOT NULL)
            OR CAST(:all_owners AS boolean))
    """,
    task=TASK,
)
BY_NAME = compose(
    "SELECT {task} FROM jobs WHERE owner_id = :owner AND task_id = :task_id", task=TASK
)
GET = {False: Statement.from_sql(BY_ID), True: Statement.from_sql(f"{BY_ID} FOR UPDATE")}
GET_NAMED = {False: Statement.from_sql(BY_NAME), True: Statement.from_sql(f"{BY_NAME} FOR UPDATE")}
FORGET_QUOTA = Statement.from_sql("DELETE FROM task_quotas WHERE owner_id = :owner")
CANCEL = Statement.from_sql(
    """
    UPDATE jobs SET status = 'cancelled', finished_at = now(), dispatched_at = NULL
    WHERE id = :id RETURNING {task}
    """,
    task=TASK,
)
REQUEST_CANCEL = Statement.from_sql(
    """
    UPDATE jobs SET cancel_requested_at = coalesce(cancel_requested_at, now())
    WHERE id = :id RETURNING {task}
    """,
    task=TASK,
)
REMOVE = Statement.from_sql("DELETE FROM jobs WHERE id = :id")
MOVE = Statement.from_sql(
    """
    UPDATE jobs SET owner_id = CAST(:to AS uuid), task_id = CASE
        WHEN EXISTS (
            SELECT FROM jobs AS other
            WHERE other.owner_id = CAST(:to AS uuid) AND other.task_id = jobs.task_id
        ) THEN CAST(jobs.id AS text) ELSE jobs.task_id END
    WHERE owner_id = CAST(:owner AS uuid) AND task_id IS NOT NULL
    """
)
LIVE_OF = Statement.from_sql(
    """
    SELECT id FROM jobs
    WHERE id = ANY(CAST(:ids AS uuid[])) AND status IN ('queued', 'running')
    """
)


@dataclass(frozen=True, slots=True)
class PostgresTasks(TaskReader, TaskRepository, OwnedTaskStore):
    """Reads, cancels, deletes and moves tasks."""

    executor: Executor

    async def get(self, name: str, *, by: Principal, lock: bool = False) -> Task:
        row = None
        if SERVER_ID.fullmatch(name):
            row = await self.executor.first(
                GET[lock], id=UUID(name), owner=by.user_id, all_owners=by.is_admin
            )
        if row is None:
            row = await self.executor.first(GET_NAMED[lock], owner=by.user_id, task_id=name)
        if row is None:
            raise TaskNotFound
        return read_task(row)

    async def page(self, chosen: TaskFilter, *, after: Position | None, limit: int) -> Page[Task]:
        statement = page_statement(
            _scope(chosen), of_kind=chosen.kind is not None, continued=after is not None
        )
        rows = await self.executor.all(
            statement,
            statuses=list(TaskStatus) if chosen.status is None else [chosen.status],
            owner=chosen.owner,
            kind=chosen.kind,
            last=None if after is None else UUID(after[0]),
            rows=limit + 1,
            bytes=MAX_PAGE_BYTES,
        )
        found = [read_task(row) for row in rows[:limit]]
        more = bool(rows) and rows[0]["there"] > len(found)
        return page(found, lambda task: (task.id,), more=more)

    async def cancel(self, task_id: UUID) -> Task:
        return _found(await self.executor.first(CANCEL, id=task_id))

    async def request_cancel(self, task_id: UUID) -> Task:
        return _found(await self.executor.first(REQUEST_CANCEL, id=task_id))

    async def remove(self, task_id: UUID) -> None:
        await self.executor.run(REMOVE, id=task_id)

    async def move(self, owner: UserId, *, to: UserId) -> None:
        await self.executor.run(MOVE, owner=owner, to=to)
        await self.executor.run(FORGET_QUOTA, owner=to)


@dataclass(frozen=True, slots=True)
class PostgresLiveJobs(LiveJobReader):
    """Reads the states of all jobs that are waited for in one statement."""

    pool: ConnectionPool

    async def live(self, ids: Collection[UUID]) -> Collection[UUID]:
        async with self.pool.executor() as executor:
            rows = await executor.all(LIVE_OF, ids=list(ids))
        return {row["id"] for row in rows}


def _found(row: Record | None) -> Task:
    if row is None:
        raise TaskNotFound
    return read_task(row)


def _scope(chosen: TaskFilter) -> OwnerScope:
    if chosen.unowned:
        return OwnerScope.UNOWNED
    return OwnerScope.ALL if chosen.owner is None else OwnerScope.OWNED
