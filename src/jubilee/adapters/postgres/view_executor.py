"""Statements of a view."""

from asyncpg import Record

from jubilee.adapters.postgres.lookups import Lookups
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.statement import Executor, KeyedStatement, Statement


class ViewExecutor(Executor):
    """Runs each statement on a connection of its own, or on one that lookups share."""

    __slots__ = ("_lookups", "_pool")

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._lookups = Lookups(pool)

    async def all(self, statement: Statement, **values: object) -> list[Record]:
        async with self._pool.executor() as executor:
            return await executor.all(statement, **values)

    async def first(self, statement: Statement, **values: object) -> Record | None:
        async with self._pool.executor() as executor:
            return await executor.first(statement, **values)

    async def find(self, statement: KeyedStatement, key: object) -> Record | None:
        return await self._lookups.find(statement, key)
