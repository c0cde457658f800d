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

# A function in the database, whose settings make every plan use the indexes.
SUCCEED_ALL = Statement.from_sql(
    """
    SELECT * FROM succeed_jobs(
        CAST(:ids AS uuid[]), CAST(:epochs AS integer[]), CAST(:results AS text[])
    )
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
