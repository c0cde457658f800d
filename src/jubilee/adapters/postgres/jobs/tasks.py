"""Tasks: the rows of `jobs` with a `task_id`. All times are of the database's clock.

Admins also read the other rows, as tasks without an owner.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from asyncpg import Record

from jubilee.adapters.postgres.documents import decode, encode_input, encode_trace
from jubilee.adapters.postgres.jobs.pending_dispatches import PendingDispatches, Provenance
from jubilee.adapters.postgres.jobs.task_pages import DOCUMENTS, TASK, OwnerScope, page_statement
from jubilee.adapters.postgres.keyset import page
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.statement import Executor, Statement, compose
from jubilee.domain.identity import Principal, UserId
from jubilee.domain.jobs.kinds import JobQueueName
from jubilee.domain.jobs.retries import MAX_ATTEMPTS
from jubilee.domain.jobs.store import Dispatch, JobReference
from jubilee.domain.jobs.waiter import LiveJobReader
from jubilee.domain.owned_rows import OwnedTaskStore
from jubilee.domain.paging import Page, Position
from jubilee.domain.tasks.task import (
    MAX_PAGE_BYTES,
    Task,
    TaskFilter,
    TaskIdTaken,
    TaskNotFound,
    TaskQueue,
    TaskReader,
    TaskRepository,
    TaskRequest,
    TaskStatus,
)

QUEUES = {queue.value for queue in JobQueueName}
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
FIND_SAME = Statement.from_sql(
    """
    SELECT {task}, kind = :kind AND data = CAST(:data AS jsonb) AS same
    FROM jobs WHERE owner_id = :owner AND task_id = :task_id
    """,
    task=TASK,
)
# The account is locked before its quota, as by its deletion, which then deletes the quota: no
# deadlock. The quota is no column of the account, whose changes would wait for those of tasks.
ACCOUNT = """
    SELECT id FROM users WHERE id = CAST(:owner AS uuid) FOR KEY SHARE
"""
ADMIT = Statement.from_sql(
    """
    UPDATE task_quotas SET live_at_most = live_at_most + 1
    WHERE owner_id = CAST(:owner AS uuid) AND live_at_most < CAST(:limit AS bigint)
    RETURNING owner_id
    """
)
# A count in the same statement would not see what was committed while it waited for the lock. The
# row is inserted for an account that is gone, too, so that the foreign key refuses it.
LOCK_QUOTA = Statement.from_sql(
    """
    WITH account AS MATERIALIZED ({account})
    INSERT INTO task_quotas (owner_id, live_at_most)
    SELECT CAST(:owner AS uuid), 0 * count(*) FROM account
    ON CONFLICT (owner_id) DO UPDATE SET live_at_most = task_quotas.live_at_most
    """,
    account=ACCOUNT,
)
COUNT_LIVE = Statement.from_sql(
    """
    UPDATE task_quotas SET live_at_most = (
        SELECT count(*) FROM (
            SELECT FROM jobs WHERE owner_id = CAST(:owner AS uuid) AND task_id IS NOT NULL
                AND status IN ('queued', 'running') LIMIT CAST(:limit AS bigint)
        ) AS live
    ) WHERE owner_id = CAST(:owner AS uuid)
    """
)
FORGET_QUOTA = Statement.from_sql("DELETE FROM task_quotas WHERE owner_id = :owner")
ADD = Statement.from_sql(
    """
    WITH account AS MATERIALIZED ({account}), quota AS (
        UPDATE task_quotas SET live_at_most = live_at_most + 1
        FROM account WHERE owner_id = account.id AND live_at_most < CAST(:limit AS bigint)
        RETURNING owner_id
    )
    INSERT INTO jobs (
        id, owner_id, task_id, kind, lane, data, priority, status, attempts, max_attempts, epoch,
        run_at, correlation_id, trace_context, created_at
    )
    SELECT CAST(:id AS uuid), owner_id, CAST(:task_id AS text), CAST(:kind AS text),
        CAST(:lane AS text), CAST(:data AS jsonb), CAST(:priority AS smallint), 'queued', 0,
        CAST(:max_attempts AS integer), 0,
        greatest(CAST(:run_at AS timestamptz), now()), CAST(:correlation_id AS text),
        CAST(:trace_context AS jsonb), now()
    FROM quota
    ON CONFLICT (owner_id, task_id) DO NOTHING
    RETURNING {task}, epoch, lane, run_at <= now() AS due
    """,
    account=ACCOUNT,
    task=TASK,
)
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
# The epoch stays, so that an earlier attempt that is still running remains fenced off.
RETRY = Statement.from_sql(
    """
    UPDATE jobs SET status = 'queued', attempts = 0, crashes = 0, run_at = now(),
        finished_at = NULL, dispatched_at = NULL, cancel_requested_at = NULL,
        progress = NULL, result = NULL
    WHERE id = :id RETURNING {task}, epoch, lane, true AS due
    """,
    task=TASK,
)
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
class PostgresTasks(TaskReader, TaskQueue, TaskRepository, OwnedTaskStore):
    """Adds due tasks to `pending`, which are dispatched after the commit."""

    executor: Executor
    provenance: Provenance
    pending: PendingDispatches

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
        return _task(row)

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
        found = [_task(row) for row in rows[:limit]]
        more = bool(rows) and rows[0]["there"] > len(found)
        return page(found, lambda task: (task.id,), more=more)

    async def admit(self, owner: UserId, *, limit: int) -> bool:
        return await self.executor.first(ADMIT, owner=owner, limit=limit) is not None

    async def recount(self, owner: UserId, *, limit: int) -> None:
        await self.executor.run(LOCK_QUOTA, owner=owner)
        await self.executor.run(COUNT_LIVE, owner=owner, limit=limit)

    async def add(
        self, request: TaskRequest, *, new_id: UUID, owner: UserId, limit: int
    ) -> Task | None:
        with self.provenance.propagator.for_job(request.kind, new_id) as context:
            row = await self.executor.single_write(
                ADD,
                id=new_id,
                owner=owner,
                task_id=request.task_id or str(new_id),
                kind=request.kind,
                lane=JobQueueName.USER.value,
                data=encode_input(request.data),
                priority=request.priority,
                max_attempts=MAX_ATTEMPTS,
                run_at=request.run_at,
                correlation_id=self.provenance.correlation_id,
                trace_context=encode_trace(context),
                limit=limit,
            )
        if row is None:
            return None
        self.pending.kinds.append(request.kind)
        return self._dispatch_if_due(row)

    async def find_same(self, request: TaskRequest, *, owner: UserId) -> Task | None:
        row = await self.executor.first(
            FIND_SAME,
            owner=owner,
            task_id=request.task_id,
            kind=request.kind,
            data=encode_input(request.data),
        )
        if row is None:
            return None
        if not row["same"]:
            raise TaskIdTaken
        return _task(row)

    async def cancel(self, task_id: UUID) -> Task:
        return _found(await self.executor.first(CANCEL, id=task_id))

    async def request_cancel(self, task_id: UUID) -> Task:
        return _found(await self.executor.first(REQUEST_CANCEL, id=task_id))

    async def remove(self, task_id: UUID) -> None:
        await self.executor.run(REMOVE, id=task_id)

    async def retry(self, task_id: UUID) -> Task:
        row = await self.executor.first(RETRY, id=task_id)
        if row is None:
            raise TaskNotFound
        return self._dispatch_if_due(row)

    async def move(self, owner: UserId, *, to: UserId) -> None:
        await self.executor.run(MOVE, owner=owner, to=to)
        await self.executor.run(FORGET_QUOTA, owner=to)

    def _dispatch_if_due(self, row: Record) -> Task:
        if row["due"] and row["lane"] in QUEUES:  # a newer version may have written other queues
            reference = JobReference(row["id"], row["epoch"])
            queue = JobQueueName(row["lane"])
            self.pending.due.append(Dispatch(reference, queue, row["priority"], row["kind"]))
        return _task(row)


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
    return _task(row)


def _scope(chosen: TaskFilter) -> OwnerScope:
    if chosen.unowned:
        return OwnerScope.UNOWNED
    return OwnerScope.ALL if chosen.owner is None else OwnerScope.OWNED


def _task(row: Record) -> Task:
    values = {name: row[name] for name in Task.__dataclass_fields__}
    documents = {name: decode(row[name]) for name in DOCUMENTS}
    documents["data"] = documents["data"] or {}
    return Task(**{**values, **documents, "status": TaskStatus(row["status"])})
