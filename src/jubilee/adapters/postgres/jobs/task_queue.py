"""The queue of tasks: new ones within the quotas of their owners, and dead ones again."""

from dataclasses import dataclass
from uuid import UUID

from asyncpg import PostgresError, Record

from jubilee.adapters.postgres.documents import encode_input, encode_trace
from jubilee.adapters.postgres.jobs.due_jobs import QUEUES
from jubilee.adapters.postgres.jobs.pending_dispatches import PendingDispatches, Provenance
from jubilee.adapters.postgres.jobs.task_pages import TASK, read_task
from jubilee.adapters.postgres.statement import (
    Executor,
    KeyedStatement,
    Statement,
    compose,
    numbered,
)
from jubilee.domain.errors import DomainError, Unavailable
from jubilee.domain.identity import UserId
from jubilee.domain.jobs.kinds import JobQueueName
from jubilee.domain.jobs.retries import MAX_ATTEMPTS
from jubilee.domain.jobs.store import Dispatch, JobReference
from jubilee.domain.tasks.task import (
    SharedTaskQueue,
    Task,
    TaskIdTaken,
    TaskNotFound,
    TaskQueue,
    TaskRequest,
)
from jubilee.observation.jobs import TraceContext

LANE = f"'{JobQueueName.USER.value}'"
DISPATCH = "epoch, lane, run_at <= now() AS due"
COLUMNS = """
    id, owner_id, task_id, kind, lane, data, priority, status, attempts, max_attempts, epoch,
    run_at, correlation_id, trace_context, created_at
"""
MAX_SHARED_CHARS = 4096  # of data: what is longer would delay the tasks of others

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
ADD = Statement.from_sql(
    """
    WITH account AS MATERIALIZED ({account}), quota AS (
        UPDATE task_quotas SET live_at_most = live_at_most + 1
        FROM account WHERE owner_id = account.id AND live_at_most < CAST(:limit AS bigint)
        RETURNING owner_id
    )
    INSERT INTO jobs ({columns})
    SELECT CAST(:id AS uuid), owner_id, CAST(:task_id AS text), CAST(:kind AS text), {lane},
        CAST(:data AS jsonb), CAST(:priority AS smallint), 'queued', 0, {max_attempts}, 0,
        greatest(CAST(:run_at AS timestamptz), now()), CAST(:correlation_id AS text),
        CAST(:trace_context AS jsonb), now()
    FROM quota
    ON CONFLICT (owner_id, task_id) DO NOTHING
    RETURNING {task}, {dispatch}
    """,
    account=ACCOUNT,
    columns=COLUMNS,
    lane=LANE,
    max_attempts=MAX_ATTEMPTS,
    task=TASK,
    dispatch=DISPATCH,
)
# Shared by concurrent requests. Locked rows are skipped, as in the statement that saves birthdays:
# a transaction that holds an account or its quota would delay the tasks of all others. The tasks of
# an account are inserted together or not at all, so that their number keeps to the limit. One at a
# time: two would meet at the quotas of the busiest accounts.
ADD_SHARED = KeyedStatement(
    lambda: numbered(
        compose(
            """
            WITH asked AS MATERIALIZED (
                SELECT * FROM unnest(
                    (SELECT CAST(:keys AS uuid[])), (SELECT CAST(:owner AS uuid[])),
                    (SELECT CAST(:task_id AS text[])), (SELECT CAST(:kind AS text[])),
                    (SELECT CAST(:data AS text[])), (SELECT CAST(:priority AS smallint[])),
                    (SELECT CAST(:run_at AS timestamptz[])),
                    (SELECT CAST(:correlation_id AS text[])),
                    (SELECT CAST(:trace_context AS text[])), (SELECT CAST(:limit AS bigint[]))
                ) AS asked (
                    id, owner_id, task_id, kind, data, priority, run_at, correlation_id,
                    trace_context, live_limit
                )
            ), counted AS MATERIALIZED (
                SELECT owner_id, count(*) AS added, min(live_limit) AS live_limit
                FROM asked GROUP BY owner_id
            ), unlocked AS MATERIALIZED (
                SELECT task_quotas.owner_id, added, live_limit
                FROM counted JOIN task_quotas ON task_quotas.owner_id = counted.owner_id
                JOIN users ON users.id = task_quotas.owner_id
                FOR KEY SHARE OF users SKIP LOCKED FOR NO KEY UPDATE OF task_quotas SKIP LOCKED
            ), quota AS (
                UPDATE task_quotas SET live_at_most = live_at_most + added
                FROM unlocked WHERE task_quotas.owner_id = unlocked.owner_id
                    AND live_at_most + added <= live_limit
                RETURNING task_quotas.owner_id
            )
            INSERT INTO jobs ({columns})
            SELECT id, quota.owner_id, task_id, kind, {lane}, CAST(data AS jsonb), priority,
                'queued', 0, {max_attempts}, 0, greatest(run_at, now()), correlation_id,
                CAST(trace_context AS jsonb), now()
            FROM asked JOIN quota ON quota.owner_id = asked.owner_id
            ON CONFLICT (owner_id, task_id) DO NOTHING
            RETURNING {task}, {dispatch}
            """,
            columns=COLUMNS,
            lane=LANE,
            max_attempts=MAX_ATTEMPTS,
            task=TASK,
            dispatch=DISPATCH,
        )
    ),
    key="id",
    one_at_a_time=True,
)
# The epoch stays, so that an earlier attempt that is still running remains fenced off.
RETRY = Statement.from_sql(
    """
    UPDATE jobs SET status = 'queued', attempts = 0, crashes = 0, run_at = now(),
        finished_at = NULL, dispatched_at = NULL, cancel_requested_at = NULL,
        progress = NULL, result = NULL
    WHERE id = :id RETURNING {task}, {dispatch}
    """,
    task=TASK,
    dispatch=DISPATCH,
)


@dataclass(frozen=True, slots=True)
class PostgresTaskQueue(TaskQueue, SharedTaskQueue):
    """Adds due tasks to `pending`, which are dispatched after the commit."""

    executor: Executor
    provenance: Provenance
    pending: PendingDispatches

    async def admit(self, owner: UserId, *, limit: int) -> bool:
        return await self.executor.first(ADMIT, owner=owner, limit=limit) is not None

    async def recount(self, owner: UserId, *, limit: int) -> None:
        await self.executor.run(LOCK_QUOTA, owner=owner)
        await self.executor.run(COUNT_LIVE, owner=owner, limit=limit)

    async def add(
        self, request: TaskRequest, *, new_id: UUID, owner: UserId, limit: int
    ) -> Task | None:
        with self.provenance.propagator.for_job(request.kind, new_id) as context:
            values = self._values(request, new_id, context)
            row = await self.executor.single_write(
                ADD, id=new_id, owner=owner, limit=limit, **values
            )
        return self._added(row)

    async def add_shared(
        self, request: TaskRequest, *, new_id: UUID, owner: UserId, limit: int
    ) -> Task | None:
        with self.provenance.propagator.for_job(request.kind, new_id) as context:
            values = self._values(request, new_id, context)
            if len(str(values["data"])) > MAX_SHARED_CHARS:
                return None
            try:
                row = await self.executor.by_key(
                    ADD_SHARED, new_id, owner=owner, limit=limit, **values
                )
            except Unavailable:
                raise
            except (DomainError, PostgresError):  # of any task of the statement: `add` says whose
                return None
        return self._added(row)

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
        return read_task(row)

    async def retry(self, task_id: UUID) -> Task:
        row = await self.executor.first(RETRY, id=task_id)
        if row is None:
            raise TaskNotFound
        return self._dispatch_if_due(row)

    def _values(
        self, request: TaskRequest, new_id: UUID, context: TraceContext | None
    ) -> dict[str, object]:
        return {
            "task_id": request.task_id or str(new_id),
            "kind": request.kind,
            "data": encode_input(request.data),
            "priority": request.priority,
            "run_at": request.run_at,
            "correlation_id": self.provenance.correlation_id,
            "trace_context": encode_trace(context),
        }

    def _added(self, row: Record | None) -> Task | None:
        if row is None:
            return None
        self.pending.kinds.append(row["kind"])
        return self._dispatch_if_due(row)

    def _dispatch_if_due(self, row: Record) -> Task:
        if row["due"] and row["lane"] in QUEUES:  # a newer version may have written other queues
            reference = JobReference(row["id"], row["epoch"])
            queue = JobQueueName(row["lane"])
            self.pending.due.append(Dispatch(reference, queue, row["priority"], row["kind"]))
        return read_task(row)
