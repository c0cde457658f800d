"""Ends of succeeded jobs without effects: those that end at the same time share a statement."""

from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple
from uuid import UUID

from asyncpg import PostgresError

from jubilee.adapters.postgres.jobs.batching import CallBatcher
from jubilee.adapters.postgres.jobs.store import END
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.statement import Statement
from jubilee.domain.jobs.store import JobReference

BATCH_SIZE = 100

# Fenced row by row. Locked rows are skipped: one that an API process holds would delay all others.
SUCCEED_ALL = Statement.from_sql(
    """
    WITH held AS MATERIALIZED (
        SELECT jobs.id, ended.result FROM jobs JOIN unnest(
            CAST(:ids AS uuid[]), CAST(:epochs AS integer[]), CAST(:results AS text[])
        ) AS ended (id, epoch, result) ON jobs.id = ended.id AND jobs.epoch = ended.epoch
        WHERE status = 'running' FOR UPDATE OF jobs SKIP LOCKED
    )
    UPDATE jobs SET status = 'succeeded', finished_at = now(), lease_until = NULL, error = NULL,
        result = CAST(held.result AS jsonb)
    FROM held WHERE jobs.id = held.id RETURNING jobs.id
    """
)


class SucceededJob(NamedTuple):
    """A job that has succeeded, and its result as JSON."""

    reference: JobReference
    result: str | None


class JobEnds:
    """Ends jobs as succeeded; ends that are requested while a batch is written form the next one.

    Each end is fenced by its own epoch. What a batch leaves out, as the row is locked or the lease
    is lost, and all of a batch that is refused, is written by a statement for each.
    """

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._end_in_batch = CallBatcher(self._end_all, limit=BATCH_SIZE)

    async def succeed(self, job: SucceededJob) -> bool:
        """End the job; return whether its lease was held. Raises Unavailable."""
        with suppress(PostgresError):  # an end of the batch is refused, perhaps another one
            if await self._end_in_batch(job):
                return True
        return await self._end(job)

    async def _end_all(self, jobs: Sequence[SucceededJob]) -> Sequence[bool]:
        async with self._pool.executor() as executor:
            rows = await executor.all(
                SUCCEED_ALL,
                ids=[job.reference.id for job in jobs],
                epochs=[job.reference.epoch for job in jobs],
                results=[job.result for job in jobs],
            )
        ended: set[UUID] = {row["id"] for row in rows}
        return [job.reference.id in ended for job in jobs]

    async def _end(self, job: SucceededJob) -> bool:
        reference = job.reference
        async with self._pool.executor() as executor:
            row = await executor.first(
                END,
                id=reference.id,
                epoch=reference.epoch,
                status="succeeded",
                result=job.result,
                error=None,
            )
        return row is not None
