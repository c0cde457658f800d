"""Views for lists: from the replica where it has the caller's writes, else from the primary."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg
from asyncpg import Record

from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.replica.monitor import ReplicaMonitor
from jubilee.adapters.postgres.replica.write_log import WritePositionStore
from jubilee.adapters.postgres.statement import Executor, Statement
from jubilee.adapters.postgres.transaction import PostgresTransaction
from jubilee.adapters.postgres.write_context import WriteContext
from jubilee.domain.errors import Unavailable
from jubilee.domain.transaction import Begin
from jubilee.observation.storage import ReplicaObserver

FALLS_BACK = (
    Unavailable,  # also a conflict with the replay of a vacuum
    asyncpg.SyntaxOrAccessError,  # the replica has not replayed a migration yet
)


@dataclass(frozen=True, slots=True)
class ReplicaReads:
    """Decides where a read goes, and reads."""

    primary: ConnectionPool
    replica: ConnectionPool
    monitor: ReplicaMonitor
    positions: WritePositionStore
    caller: Callable[[], str | None]
    observer: ReplicaObserver

    async def may_serve(self) -> bool:
        """Whether the replica is up to date enough for this caller."""
        if not self.monitor.serves:
            return False
        caller = self.caller()
        return caller is None or await self.positions.last(caller) <= self.monitor.replayed

    async def all(self, statement: Statement, **values: object) -> list[Record]:
        """Read from the replica; from the primary if that fails."""
        try:
            async with self.replica.executor() as executor:
                rows = await executor.all(statement, **values)
        except FALLS_BACK as error:
            if isinstance(error, Unavailable):
                self.monitor.leave_out()
            async with self.primary.executor() as executor:
                return await executor.all(statement, **values)
        self.observer.served()
        return rows


class ReplicaExecutor(Executor):
    """Runs each statement on a connection of its own; lists need no more."""

    __slots__ = ("_reads",)

    def __init__(self, reads: ReplicaReads) -> None:
        self._reads = reads

    async def all(self, statement: Statement, **values: object) -> list[Record]:
        return await self._reads.all(statement, **values)

    async def first(self, statement: Statement, **values: object) -> Record | None:
        return next(iter(await self._reads.all(statement, **values)), None)


def list_views(reads: ReplicaReads, context: WriteContext) -> Begin[PostgresTransaction]:
    """Open views that may lag behind other callers' writes."""

    @asynccontextmanager
    async def begin() -> AsyncIterator[PostgresTransaction]:
        if await reads.may_serve():
            yield PostgresTransaction(ReplicaExecutor(reads), context)
            return
        async with reads.primary.executor() as executor:
            yield PostgresTransaction(executor, context)

    return begin
