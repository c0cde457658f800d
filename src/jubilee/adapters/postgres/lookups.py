"""Rows by their keys, which requests of one turn of the event loop find by one statement."""

import asyncio
from asyncio import Future, Task
from collections.abc import Mapping
from contextvars import Context
from time import perf_counter
from typing import TypeAlias

from asyncpg import Record

from jubilee.adapters.postgres.outages import outage_reason
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.statement import KeyedStatement
from jubilee.domain.errors import Unavailable

MAX_KEYS = 250  # of one statement

Wanted: TypeAlias = "list[tuple[object, Future[Record | None]]]"
"""Keys, and the future of the row of each."""


class Lookups:
    """Finds rows by their keys; those wanted in one turn of the event loop share a statement.

    A statement for one row takes 60 us beside the row itself: lending a connection, the driver, two
    calls of the kernel. Of 64 clients at once so many wait in each turn that a greeting took 50 us
    instead of 88, and an account with the check of its session 70 instead of 193. A client alone
    waits a turn longer.

    No statement waits for another one, so that a connection that hangs delays only those whose keys
    it was asked for. Each caller waits until its own deadline.
    """

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._wanted: dict[KeyedStatement, Wanted] = {}
        self._running: set[Task[None]] = set()

    async def find(self, statement: KeyedStatement, key: object) -> Record | None:
        """Return the row of a key, or None; raises Unavailable."""
        observer, began = self._pool.observer, perf_counter()
        try:
            row = await self._row(statement, key)
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

    async def _row(self, statement: KeyedStatement, key: object) -> Record | None:
        """Wait for the row; raises TimeoutError at the deadline of the caller."""
        deadline = self._pool.begin()
        try:
            return await self._want(statement, key)
        except asyncio.CancelledError as error:
            if deadline.explains(error):
                raise TimeoutError from error
            raise
        finally:
            self._pool.end(deadline)

    def _want(self, statement: KeyedStatement, key: object) -> "Future[Record | None]":
        wanted = self._wanted.get(statement)
        if wanted is None or len(wanted) >= MAX_KEYS:
            wanted = self._wanted[statement] = []
            # It serves other requests, too: its deadline and log lines are not those of the first.
            task = asyncio.create_task(self._run(statement, wanted), context=Context())
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        future: Future[Record | None] = asyncio.get_running_loop().create_future()
        wanted.append((key, future))
        return future

    async def _run(self, statement: KeyedStatement, wanted: Wanted) -> None:
        """Begins after all tasks that are ready in this turn."""
        if self._wanted.get(statement) is wanted:
            del self._wanted[statement]
        try:
            async with self._pool.executor() as executor:
                rows = await executor.all(statement, keys=[key for key, _ in wanted])
        except Exception as error:
            for future in _waited_for(wanted):
                future.set_exception(error)
        else:
            _answer(wanted, {row[statement.key]: row for row in rows})
        finally:
            for future in _waited_for(wanted):  # this task was cancelled
                future.cancel()


def _answer(wanted: Wanted, found: Mapping[object, Record]) -> None:
    for key, future in wanted:
        if not future.done():
            future.set_result(found.get(key))


def _waited_for(wanted: Wanted) -> "list[Future[Record | None]]":
    return [future for _, future in wanted if not future.done()]
