"""Statements of a transaction, which begins with the first of them."""

from collections.abc import Mapping, Sequence

from asyncpg import Record

from jubilee.adapters.postgres.statement import Executor, Statement

# A frozen process must not keep its locks; transactions of the service are never idle for so long.
BEGIN = Statement.from_sql("BEGIN; SET LOCAL idle_in_transaction_session_timeout = '30s'")
COMMIT = Statement.from_sql("COMMIT")
ROLLBACK = Statement.from_sql("ROLLBACK")


class RolledBack(Exception):
    """The server rolled back at COMMIT: the error of a statement had been caught and ignored."""


class TransactionExecutor(Executor):
    """Sends BEGIN before the first statement, unless that is the last as well.

    PostgreSQL runs a statement outside of a transaction as one of its own: a write of one statement
    needs one round trip instead of three.
    """

    __slots__ = ("_begun", "_waiting")

    def __init__(self, lent: Executor) -> None:
        """Run statements on the connection of `lent`."""
        super().__init__(lent.driver, lent.observe)
        self._begun = False
        self._waiting: tuple[Statement, Mapping[str, object], type[Exception] | None] | None = None

    async def all(self, statement: Statement, **values: object) -> list[Record]:
        if not self._begun:
            await self._begin()
        return await super().all(statement, **values)

    async def first(self, statement: Statement, **values: object) -> Record | None:
        if not self._begun:
            await self._begin()
        return await super().first(statement, **values)

    async def each(self, statement: Statement, rows: Sequence[Mapping[str, object]]) -> None:
        if not self._begun:
            await self._begin()
        await super().each(statement, rows)

    async def defer(
        self, statement: Statement, error: type[Exception] | None = None, /, **values: object
    ) -> None:
        """Keep the first statement until another follows, or the transaction ends."""
        if self._begun or self._waiting is not None:
            await super().defer(statement, error, **values)
        else:
            self._waiting = statement, values, error

    async def single_write(self, statement: Statement, **values: object) -> Record | None:
        if self._begun or self._waiting is not None:
            return await self.first(statement, **values)
        return await super().first(statement, **values)

    async def commit(self) -> None:
        """Commit; raises RolledBack if the server rolls back instead."""
        if not self._begun:
            await self._run_waiting()
        elif await self.command(COMMIT) != "COMMIT":
            raise RolledBack

    async def roll_back(self) -> None:
        """Undo all statements."""
        if self._begun:
            await self.command(ROLLBACK)

    async def _begin(self) -> None:
        await self.command(BEGIN)
        self._begun = True
        await self._run_waiting()

    async def _run_waiting(self) -> None:
        if self._waiting is None:
            return
        statement, values, error = self._waiting
        row = await super().first(statement, **values)
        if row is None and error is not None:
            raise error
