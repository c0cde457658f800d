"""Statements by keys, which requests of one turn of the event loop share."""

import asyncio
from asyncio import Future, Task
from collections.abc import Mapping
from contextvars import Context
from time import perf_counter
from typing import TypeAlias

from asyncpg import Record

from jubilee.adapters.postgres.outages import outage_reason
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.statement import KeyedStatement, Values
from jubilee.domain.errors import Unavailable

MAX_KEYS = 250  # of one statement
MAX_GROUP_WAIT_S = 0.02  # for the run before; a commit takes a few milliseconds

Wanted: TypeAlias = "list[tuple[object, Values, Future[Record | None]]]"
"""Keys, the values that are written for each, and the future of its row."""


class SharedStatements:
    """Runs statements for rows by their keys; calls of one turn of the event loop share one.

    A statement for one row takes 60 us beside the row itself: lending a connection, the driver, two
    calls of the kernel. Of 64 clients at once so many wait in each turn that a greeting took 50 us
    instead of 88, and an account with the check of its session 70 instead of 193. A client alone
    waits a turn longer. Writes share a commit as well.

    No statement waits for another one, so that a connection that hangs delays only those whose keys
    it was given. Only one that runs `one_at_a_time` waits, for MAX_GROUP_WAIT_S at most: calls
    during a run form the next. Each caller waits until its own deadline; what it wants is left out
    if it has gone before there is a connection. Of several calls with the same key the last one's
    values count.
    """

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._wanted: dict[KeyedStatement, Wanted] = {}
        self._running: set[Task[None]] = set()
        self._last_run: dict[KeyedStatement, Task[None]] = {}

    async def row(self, statement: KeyedStatement, key: object, values: Values) -> Record | None:
        """Return the row of a key, or None; raises Unavailable."""
        observer, began = self._pool.observer, perf_counter()
        try:
            row = await self._row(statement, key, values)
        except TimeoutError as error:
            late = Unavailable(reason=outage_reason(error))
            observer.failed(late.reason)
            observer.shared(statement, perf_counter() - began, late)
            raise late from error
        except BaseException as error:
            observer.shared(statement, perf_counter() - began, error)
            raise
        observer.shared(statement, perf_counter() - began, None)
        return row

    async def _row(self, statement: KeyedStatement, key: object, values: Values) -> Record | None:
        """Wait for the row; raises TimeoutError at the deadline of the caller."""
        deadline = self._pool.begin()
        try:
            return await self._want(statement, key, values)
        except asyncio.CancelledError as error:
            if deadline.explains(error):
                raise TimeoutError from error
            raise
        finally:
            self._pool.end(deadline)

    def _want(
        self, statement: KeyedStatement, key: object, values: Values
    ) -> "Future[Record | None]":
        wanted = self._wanted.get(statement)
        if wanted is None or len(wanted) >= MAX_KEYS:
            wanted = self._wanted[statement] = []
            # It serves other requests, too: its deadline and log lines are not those of the first.
            before = self._last_run.get(statement)
            run = self._run(statement, wanted, after=before)
            task = asyncio.create_task(run, context=Context())
            self._running.add(task)
            if statement.one_at_a_time:
                self._last_run[statement] = task
            task.add_done_callback(self._running.discard)
        future: Future[Record | None] = asyncio.get_running_loop().create_future()
        wanted.append((key, values, future))
        return future

    async def _run(
        self, statement: KeyedStatement, wanted: Wanted, *, after: "Task[None] | None"
    ) -> None:
        """Find the rows of all keys wanted in this turn: its other ready tasks run before.

        One that has to wait for the run before finds what is wanted until then.
        """
        if after is not None and not after.done():
            await asyncio.wait({after}, timeout=MAX_GROUP_WAIT_S)
        if self._wanted.get(statement) is wanted:
            del self._wanted[statement]
        try:
            async with self._pool.executor() as executor:
                asked = {key: values for key, values, future in wanted if not future.done()}
                rows = await executor.all(statement, **statement.lists(asked))
        except Exception as error:
            for future in _waited_for(wanted):
                future.set_exception(error)
        else:
            _answer(wanted, {row[statement.key]: row for row in rows})
        finally:
            for future in _waited_for(wanted):  # this task was cancelled
                future.cancel()


def _answer(wanted: Wanted, found: Mapping[object, Record]) -> None:
    for key, _, future in wanted:
        if not future.done():
            future.set_result(found.get(key))


def _waited_for(wanted: Wanted) -> "list[Future[Record | None]]":
    return [future for _, _, future in wanted if not future.done()]
