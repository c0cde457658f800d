"""Statements of a view."""

from asyncpg import Record

from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.shared_statements import SharedStatements
from jubilee.adapters.postgres.statement import Executor, KeyedStatement, Statement


class ViewExecutor(Executor):
    """Runs each statement on a connection of its own, or on one that several callers share."""

    __slots__ = ("_pool", "_shared")

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._shared = SharedStatements(pool)

    async def all(self, statement: Statement, **values: object) -> list[Record]:
        async with self._pool.executor() as executor:
            return await executor.all(statement, **values)

    async def first(self, statement: Statement, **values: object) -> Record | None:
        async with self._pool.executor() as executor:
            return await executor.first(statement, **values)

    async def by_key(
        self, statement: KeyedStatement, key: object, **values: object
    ) -> Record | None:
        return await self._shared.row(statement, key, values)
