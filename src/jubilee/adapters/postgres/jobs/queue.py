"""Enqueueing: jobs inserted in the transaction that needs them."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from asyncpg import Record
from sqlalchemy import bindparam, func
from sqlalchemy.dialects.postgresql import insert

from jubilee.adapters.postgres.core_statement import core_statement
from jubilee.adapters.postgres.documents import encode_input, encode_trace
from jubilee.adapters.postgres.jobs.pending_dispatches import PendingDispatches, Provenance
from jubilee.adapters.postgres.statement import Executor, Statement
from jubilee.adapters.postgres.tables import jobs
from jubilee.domain.jobs.kinds import JobQueueName
from jubilee.domain.jobs.queue import DEFAULT_PRIORITY, JobQueue, NewJob
from jubilee.domain.jobs.store import Dispatch, JobReference
from jubilee.observation.jobs import TraceContext

# Due times are of the database's clock, which all workers share.
ADD = core_statement(
    insert(jobs)
    .values(
        run_at=func.coalesce(bindparam("due", type_=jobs.c.run_at.type), func.now()),
        created_at=func.now(),
    )
    .on_conflict_do_nothing(index_elements=["key"])
    .returning((jobs.c.run_at <= func.now()).label("due")),
    columns=[
        "id", "owner_id", "key", "kind", "lane", "data", "priority", "status",
        "attempts", "max_attempts", "epoch", "correlation_id", "trace_context",
    ],
)  # fmt: skip

ADD_ALL = Statement.from_sql(
    """
    INSERT INTO jobs (id, owner_id, key, kind, lane, data, priority, status, attempts, max_attempts,
        epoch, correlation_id, trace_context, run_at, created_at)
    SELECT id, owner_id, key, kind, CAST(:lane AS text), CAST(data AS jsonb),
        CAST(:priority AS smallint), 'queued', 0, max_attempts, 0, CAST(:correlation_id AS text),
        CAST(trace_context AS jsonb), coalesce(due, now()), now()
    FROM unnest(
        CAST(:ids AS uuid[]), CAST(:owners AS uuid[]), CAST(:keys AS text[]),
        CAST(:kinds AS text[]), CAST(:data AS text[]), CAST(:limits AS integer[]),
        CAST(:traces AS text[]), CAST(:moments AS timestamptz[])
    ) AS added (id, owner_id, key, kind, data, max_attempts, trace_context, due)
    ON CONFLICT (key) DO NOTHING
    RETURNING id, kind, run_at <= now() AS due
    """
)


@dataclass(frozen=True, slots=True)
class PostgresJobs(JobQueue):
    """Inserts jobs and adds those that are due to `pending`."""

    executor: Executor
    provenance: Provenance
    pending: PendingDispatches

    async def add(self, job: NewJob) -> None:
        with self.provenance.propagator.for_job(job.kind, job.id) as context:
            added = await self._insert(job, context)
        if added is not None:
            self._inserted(job.id, job.kind, is_due=added["due"])

    async def add_all(self, jobs: Sequence[NewJob]) -> None:
        rows = await self.executor.all(
            ADD_ALL,
            ids=[job.id for job in jobs],
            owners=[job.owner_id for job in jobs],
            keys=[job.key for job in jobs],
            kinds=[job.kind for job in jobs],
            data=[encode_input(job.data) for job in jobs],
            limits=[job.max_attempts for job in jobs],
            traces=[self._trace(job) for job in jobs],
            moments=[job.run_at for job in jobs],
            lane=JobQueueName.SYSTEM.value,
            priority=DEFAULT_PRIORITY,
            correlation_id=self.provenance.correlation_id,
        )
        for row in rows:
            self._inserted(row["id"], row["kind"], is_due=row["due"])

    def _trace(self, job: NewJob) -> str | None:
        """Return the context of the job's own span, which ends before the jobs are inserted."""
        with self.provenance.propagator.for_job(job.kind, job.id) as context:
            return encode_trace(context)

    def _inserted(self, job_id: UUID, kind: str, *, is_due: bool) -> None:
        self.pending.kinds.append(kind)
        if is_due:
            self.pending.due.append(
                Dispatch(JobReference(job_id, 0), JobQueueName.SYSTEM, DEFAULT_PRIORITY, kind)
            )

    async def _insert(self, job: NewJob, context: TraceContext | None) -> Record | None:
        return await self.executor.first(
            ADD,
            id=job.id,
            owner_id=job.owner_id,
            key=job.key,
            kind=job.kind,
            lane=JobQueueName.SYSTEM.value,
            data=encode_input(job.data),
            priority=DEFAULT_PRIORITY,
            status="queued",
            attempts=0,
            max_attempts=job.max_attempts,
            epoch=0,
            correlation_id=self.provenance.correlation_id,
            trace_context=encode_trace(context),
            due=job.run_at,
        )
