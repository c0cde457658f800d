"""The transactions that end a job, as succeeded or cancelled."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from jubilee.adapters.postgres.completion_executor import CompletionExecutor
from jubilee.adapters.postgres.jobs.ends import JobEnds, SucceededJob
from jubilee.adapters.postgres.jobs.pending_dispatches import PendingDispatches
from jubilee.adapters.postgres.jobs.store import END, bounded
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.transaction import PostgresTransaction
from jubilee.adapters.postgres.write_context import WriteContext
from jubilee.domain.jobs.store import JobReference, LeaseLost
from jubilee.domain.transaction import Begin


class PostgresCompletion:
    """Opens the transaction that completes a job; its first statement is fenced by the epoch.

    If it is the only one, as of a job that only stores a result, it is sent together with those of
    other jobs that end at the same time: one commit for all of them.
    """

    def __init__(self, pool: ConnectionPool, context: WriteContext) -> None:
        self._pool = pool
        self._context = context
        self._ends = JobEnds(pool)

    @asynccontextmanager
    async def __call__(
        self, reference: JobReference, result: Mapping[str, object] | None
    ) -> AsyncIterator[PostgresTransaction]:
        """Begin the transaction and end the job; raises LeaseLost if another worker claimed it.

        That may be at the first statement of the block, or at its end.
        """
        # Workers read from no replica: nothing has to be told that this has committed.
        job, pending = SucceededJob(reference, _document(result)), PendingDispatches()
        async with CompletionExecutor(self._pool, self._ends, job) as executor:
            yield PostgresTransaction(executor, self._context, pending)
        self._context.dispatch_committed(pending)


@dataclass(frozen=True, slots=True)
class PostgresCancellation:
    """Opens the transaction that cancels a claimed job, fenced as a completion."""

    write: Begin[PostgresTransaction]

    @asynccontextmanager
    async def __call__(
        self, reference: JobReference, error: Mapping[str, object] | None
    ) -> AsyncIterator[PostgresTransaction]:
        """Begin the transaction and end the job; raises LeaseLost if another worker claimed it."""
        values = {"status": "cancelled", "result": None, "error": _document(error)}
        async with self.write() as tx:
            await tx.executor.defer(
                END, LeaseLost, id=reference.id, epoch=reference.epoch, **values
            )
            yield tx


def _document(document: Mapping[str, object] | None) -> str | None:
    return None if document is None else bounded(document)
