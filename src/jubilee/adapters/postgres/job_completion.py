"""The transaction that completes a job."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from jubilee.adapters.postgres.jobs.store import END, bounded
from jubilee.adapters.postgres.transaction import PostgresTransaction
from jubilee.domain.jobs.store import JobReference, LeaseLost
from jubilee.domain.transaction import Begin


@dataclass(frozen=True, slots=True)
class PostgresCompletion:
    """Opens the transaction that ends a job; its first statement is fenced by the epoch."""

    write: Begin[PostgresTransaction]

    @asynccontextmanager
    async def __call__(
        self,
        reference: JobReference,
        result: Mapping[str, object] | None,
        *,
        cancelled: bool = False,
    ) -> AsyncIterator[PostgresTransaction]:
        """Begin the transaction and end the job; raises LeaseLost if another worker claimed it."""
        status = "cancelled" if cancelled else "succeeded"
        values = {"id": reference.id, "epoch": reference.epoch, "status": status}
        document = None if result is None else bounded(result)
        async with self.write() as tx:
            if await tx.executor.first(END, error=None, result=document, **values) is None:
                raise LeaseLost
            yield tx
