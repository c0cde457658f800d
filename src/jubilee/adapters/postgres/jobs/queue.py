"""Enqueueing: jobs inserted in the transaction that needs them."""

from dataclasses import dataclass

from asyncpg import Record
from sqlalchemy import bindparam, func
from sqlalchemy.dialects.postgresql import insert

from jubilee.adapters.postgres.core_statement import core_statement
from jubilee.adapters.postgres.documents import encode_input, encode_trace
from jubilee.adapters.postgres.jobs.pending_dispatches import PendingDispatches, Provenance
from jubilee.adapters.postgres.statement import Executor
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


@dataclass(frozen=True, slots=True)
class PostgresJobs(JobQueue):
    """Inserts jobs and adds those that are due to `pending`."""

    executor: Executor
    provenance: Provenance
    pending: PendingDispatches

    async def add(self, job: NewJob) -> None:
        with self.provenance.propagator.for_job(job.kind, job.id) as context:
            added = await self._insert(job, context)
        if added is None:
            return
        self.pending.kinds.append(job.kind)
        if added["due"]:
            self.pending.due.append(
                Dispatch(JobReference(job.id, 0), JobQueueName.SYSTEM, DEFAULT_PRIORITY, job.kind)
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
