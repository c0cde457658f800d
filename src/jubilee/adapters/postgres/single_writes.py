"""Units of work of one statement, which PostgreSQL commits by itself."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from types import TracebackType

from jubilee.adapters.postgres.jobs.pending_dispatches import PendingDispatches
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.statement import Executor
from jubilee.adapters.postgres.transaction import PostgresTransaction
from jubilee.adapters.postgres.view_executor import ViewExecutor
from jubilee.adapters.postgres.write_context import WriteContext
from jubilee.domain.transaction import Begin


def single_writes(pool: ConnectionPool, context: WriteContext) -> Begin[PostgresTransaction]:
    """Open units of one statement, which concurrent ones may share.

    They do not where something follows each commit on its connection.
    """
    committed = context.committed
    if committed is None:
        return partial(SharedWrite, ViewExecutor(pool), context)

    @asynccontextmanager
    async def begin() -> AsyncIterator[PostgresTransaction]:
        pending = PendingDispatches()
        async with pool.executor() as executor:
            yield PostgresTransaction(executor, context, pending)
            await committed(executor)
        context.dispatch_committed(pending)

    return begin


class SharedWrite:
    """A unit of one statement that others may share, as an asynchronous context manager."""

    __slots__ = ("_context", "_executor", "_pending")

    def __init__(self, executor: Executor, context: WriteContext) -> None:
        self._executor = executor
        self._context = context
        self._pending = PendingDispatches()

    async def __aenter__(self) -> PostgresTransaction:
        return PostgresTransaction(self._executor, self._context, self._pending)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Dispatch the new jobs."""
        if error is None:
            self._context.dispatch_committed(self._pending)
