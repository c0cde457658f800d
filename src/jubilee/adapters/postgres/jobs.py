"""Work that is wanted, as rows."""

import json
from dataclasses import dataclass

from sqlalchemy import bindparam, func
from sqlalchemy.dialects.postgresql import insert

from jubilee.adapters.postgres.statement import Executor, Statement
from jubilee.adapters.postgres.tables import jobs
from jubilee.domain.jobs.claims import Dispatch, Reference
from jubilee.domain.jobs.kinds import Lane
from jubilee.domain.jobs.queue import JobQueue, NewJob

PRIORITY = 5

# Due times go by the database's clock, the one that all workers share.
ADD = Statement(
    insert(jobs)
    .values(
        run_at=func.coalesce(bindparam("due", type_=jobs.c.run_at.type), func.now()),
        created_at=func.now(),
    )
    .on_conflict_do_nothing(index_elements=["key"])
    .returning((jobs.c.run_at <= func.now()).label("due")),
    columns=[
        "id", "owner_id", "key", "kind", "lane", "data", "priority", "status",
        "attempts", "max_attempts", "epoch", "correlation_id",
    ],
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PostgresJobs(JobQueue):
    """Inserts in the transaction that wants the work."""

    executor: Executor
    correlation_id: str | None
    asked: list[Dispatch]

    async def add(self, job: NewJob) -> None:
        added = await self.executor.first(
            ADD,
            id=job.id,
            owner_id=job.owner_id,
            key=job.key,
            kind=job.kind,
            lane=Lane.SYSTEM.value,
            data=json.dumps(job.data),
            priority=PRIORITY,
            status="queued",
            attempts=0,
            max_attempts=job.max_attempts,
            epoch=0,
            correlation_id=self.correlation_id,
            due=job.run_at,
        )
        if added is not None and added["due"]:
            self.asked.append(Dispatch(Reference(job.id, 0), Lane.SYSTEM, PRIORITY))
