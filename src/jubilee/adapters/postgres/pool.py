"""A pool of asyncpg's connections, each lent for one use.

SQLAlchemy's engine runs statements through greenlets, and its pool and the driver's own reset a
connection between two uses, which costs more than most of our statements; this one lends the most
recently used connection as it is.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from time import monotonic, perf_counter
from typing import TypeAlias

import asyncpg

from jubilee.adapters.postgres.connector import Connector
from jubilee.adapters.postgres.errors import AWAY, domain_errors
from jubilee.adapters.postgres.outages import outage_reason
from jubilee.adapters.postgres.statement import Driver, Executor
from jubilee.domain.errors import Unavailable
from jubilee.domain.places import FairPlaces
from jubilee.observation.storage import NO_POOL_OBSERVER, PoolObserver

Deadline: TypeAlias = Callable[[], float]
"""Returns when the current request must have ended, by `monotonic`."""

Client: TypeAlias = Callable[[], str | None]
"""Returns the user or the address behind the current request; None outside of one."""

MAX_WAITING = 1000  # uses of one client
RESERVED_RATIO = 5  # a fifth of the connections is never lent to one and the same client
STOP_TIMEOUT_S = 0.25  # for stopping a statement that was cancelled, and for a goodbye
MAX_AGE_S = 1800.0  # load balancers and firewalls drop older connections


@dataclass(frozen=True, slots=True)
class CurrentCaller:
    """The request that a use of a connection serves; by default none, as for jobs."""

    deadline: Deadline = lambda: math.inf
    client: Client = lambda: None


NO_CALLER = CurrentCaller()


@dataclass(frozen=True, slots=True)
class PooledConnection:
    """An open connection, and when it was opened, by `monotonic`."""

    driver: Driver
    opened: float


class ConnectionPool:
    """At most `size` connections, opened when they are needed.

    One use ends within `timeout` seconds and STOP_TIMEOUT_S: the wait for a connection, opening
    it, and all its statements together. It ends sooner where the caller's deadline, read when a use
    begins, is earlier. One client uses most of the connections at once, never all of them: its
    further uses wait for its own.
    """

    def __init__(
        self,
        url: str,
        *,
        size: int,
        timeout: float,
        observer: PoolObserver = NO_POOL_OBSERVER,
        caller: CurrentCaller = NO_CALLER,
    ) -> None:
        self._observer = observer
        self.size = size
        self.used = 0  # connections that are lent
        self._connector = Connector(url, timeout=timeout)
        self._timeout = timeout
        self._caller = caller
        shared = max(size - max(size // RESERVED_RATIO, 1), 1)
        self._places = FairPlaces(shared, max_waiting=MAX_WAITING)
        self._free = asyncio.Semaphore(size)
        self._idle: list[PooledConnection] = []
        self._untouched = 0  # idle connections that were not lent since `count_unused` was called

    @property
    def idle(self) -> int:
        """Connections that are open and not lent."""
        return len(self._idle)

    @asynccontextmanager
    async def executor(self) -> AsyncIterator[Executor]:
        """Lend a connection to run statements on; raises Unavailable."""
        started = perf_counter()
        try:
            async with self.connection() as driver:
                self._observer.acquired(perf_counter() - started)
                self.used += 1
                try:
                    yield Executor(driver, self._observer.executed)
                finally:
                    self.used -= 1
        except Unavailable as error:
            self._observer.failed(error.reason)
            raise

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Driver]:
        """Lend a connection; raises Unavailable where there is none in time or it breaks."""
        client = self._caller.client()
        with domain_errors():
            async with asyncio.timeout(self._time_left()):
                if client is not None:
                    await self._places.acquire(client)
                try:
                    async with self._free:
                        held = await self._take()
                        try:
                            yield held.driver
                        except BaseException as error:
                            await self._give_back_after(error, held)
                            raise
                        self._idle.append(held)
                finally:
                    if client is not None:
                        self._places.release(client)

    def count_unused(self) -> int:
        """Idle connections that have not been lent since the last call."""
        unused, self._untouched = self._untouched, len(self._idle)
        return unused

    async def close_unused(self, count: int) -> int:
        """Close `count` of those not lent for longest, and all that are too old; returns how many.

        The one returned last is lent first, so that the unused ones are the first of the list.
        """
        oldest = monotonic() - MAX_AGE_S
        leaving = self._idle[:count] + [h for h in self._idle[count:] if h.opened < oldest]
        self._idle = [held for held in self._idle[count:] if held.opened >= oldest]
        self._untouched = min(self._untouched, len(self._idle))
        for held in leaving:
            with suppress(Exception):
                await held.driver.close(timeout=STOP_TIMEOUT_S)
            held.driver.terminate()
        return len(leaving)

    async def close(self) -> None:
        """Close every idle connection."""
        while self._idle:
            self._idle.pop().driver.terminate()

    def _time_left(self) -> float:
        left = self._caller.deadline() - monotonic()
        if left <= 0:  # a statement begun now would only break its connection
            raise TimeoutError
        return min(left, self._timeout)

    async def _take(self) -> PooledConnection:
        while self._idle:
            held = self._idle.pop()
            self._untouched = min(self._untouched, len(self._idle))
            if not held.driver.is_closed() and monotonic() - held.opened < MAX_AGE_S:
                return held
            held.driver.terminate()
        return await self._open()

    async def _open(self) -> PooledConnection:
        try:
            driver = await self._connector.open()
        except asyncpg.PostgresError as error:  # such as a database that the role may not use
            raise Unavailable(reason=outage_reason(error)) from error
        return PooledConnection(driver, monotonic())

    async def _give_back_after(self, error: BaseException, held: PooledConnection) -> None:
        if not isinstance(error, Exception):
            await self._stop(held)
        elif isinstance(error, AWAY) or held.driver.is_closed() or held.driver.is_in_transaction():
            held.driver.terminate()
        else:
            self._idle.append(held)

    async def _stop(self, held: PooledConnection) -> None:
        """Stop the statement of a cancelled use, and close the connection.

        The driver asks the server to cancel; the next statement, this ROLLBACK, waits until it has.
        A server that hangs never does, so the wait is short.
        """
        try:
            with suppress(Exception):
                async with asyncio.timeout(STOP_TIMEOUT_S):
                    await held.driver.execute("ROLLBACK")
        finally:
            held.driver.terminate()
