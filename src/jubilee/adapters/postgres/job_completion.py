"""The transactions that end a job, as succeeded or cancelled."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from jubilee.adapters.postgres.jobs.store import END, bounded
from jubilee.adapters.postgres.transaction import PostgresTransaction
from jubilee.domain.jobs.store import JobReference, LeaseLost
from jubilee.domain.transaction import Begin


@dataclass(frozen=True, slots=True)
class PostgresCompletion:
    """Opens the transaction that completes a job; its first statement is fenced by the epoch.

    If it is the only one, as of a job that only stores a result, PostgreSQL commits it by itself:
    one round trip instead of three.
    """

    write: Begin[PostgresTransaction]

    @asynccontextmanager
    async def __call__(
        self, reference: JobReference, result: Mapping[str, object] | None
    ) -> AsyncIterator[PostgresTransaction]:
        """Begin the transaction and end the job; raises LeaseLost if another worker claimed it.

        That may be at the first statement of the block, or at its end.
        """
        async with self.write() as tx:
            await _end(tx, reference, status="succeeded", result=_document(result), error=None)
            yield tx


@dataclass(frozen=True, slots=True)
class PostgresCancellation:
    """Opens the transaction that cancels a claimed job, fenced as a completion."""

    write: Begin[PostgresTransaction]

    @asynccontextmanager
    async def __call__(
        self, reference: JobReference, error: Mapping[str, object] | None
    ) -> AsyncIterator[PostgresTransaction]:
        """Begin the transaction and end the job; raises LeaseLost if another worker claimed it."""
        async with self.write() as tx:
            await _end(tx, reference, status="cancelled", result=None, error=_document(error))
            yield tx


async def _end(tx: PostgresTransaction, reference: JobReference, **values: object) -> None:
    await tx.executor.defer(END, LeaseLost, id=reference.id, epoch=reference.epoch, **values)


def _document(document: Mapping[str, object] | None) -> str | None:
    return None if document is None else bounded(document)
