"""A pool of asyncpg's connections, each lent for one use.

SQLAlchemy's engine runs statements through greenlets, and its pool and the driver's own reset a
connection between two uses, which costs more than most of our statements; this one lends the most
recently used connection as it is.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from time import monotonic
from types import TracebackType

import asyncpg

from jubilee.adapters.postgres.caller import NO_CALLER, CurrentCaller
from jubilee.adapters.postgres.connector import Connector
from jubilee.adapters.postgres.deadlines import Deadline, Deadlines
from jubilee.adapters.postgres.errors import AWAY, domain_error
from jubilee.adapters.postgres.outages import outage_reason
from jubilee.adapters.postgres.statement import Driver, Executor
from jubilee.domain.errors import Unavailable
from jubilee.domain.keyed_semaphore import KeyedSemaphore
from jubilee.observation.storage import NO_POOL_OBSERVER, PoolObserver

MAX_WAITING = 1000  # uses of one client
RESERVED_RATIO = 5  # a fifth of the connections is never lent to one and the same client
STOP_TIMEOUT_S = 0.25  # for stopping a statement that was cancelled, and for a goodbye
MAX_AGE_S = 1800.0  # load balancers and firewalls drop older connections


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
        self.observer = observer
        self.size = size
        self.used = 0  # connections that are lent
        self._connector = Connector(url, timeout=timeout)
        self.timeout = timeout
        self._caller = caller
        shared = max(size - max(size // RESERVED_RATIO, 1), 1)
        self._shares = KeyedSemaphore(shared, max_waiting=MAX_WAITING)
        self._free = asyncio.Semaphore(size)
        self._deadlines = Deadlines()
        self._idle: list[PooledConnection] = []
        self._untouched = 0  # idle connections that were not lent since `count_unused` was called

    @property
    def idle(self) -> int:
        """Connections that are open and not lent."""
        return len(self._idle)

    def executor(self) -> "Lease":
        """Lend a connection to run statements on; raises Unavailable."""
        return Lease(self)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Driver]:
        """Lend a connection; raises Unavailable where there is none in time or it breaks."""
        async with Lease(self, NO_POOL_OBSERVER) as executor:
            yield executor.driver

    def begin(self) -> Deadline:
        """Watch the deadline of a use that begins now; raises TimeoutError if it has passed."""
        left = self._caller.deadline() - monotonic()
        if left <= 0:  # a statement begun now would only break its connection
            raise TimeoutError
        deadline = Deadline(monotonic() + min(left, self.timeout))
        self._deadlines.add(deadline)
        return deadline

    def client(self) -> str | None:
        """Return the client that a use serves."""
        return self._caller.client()

    async def take(self, client: str | None) -> PooledConnection:
        """Wait for a connection, as long as it takes."""
        if client is not None:
            await self._shares.acquire(client)
        try:
            await self._free.acquire()
        except BaseException:
            if client is not None:
                self._shares.release(client)
            raise
        try:
            return self._reused() or await self._open()
        except BaseException:
            self._release(client)
            raise

    def give_back(self, held: PooledConnection, client: str | None) -> None:
        """Keep the connection for the next use."""
        self._idle.append(held)
        self._release(client)

    async def give_back_after(
        self, error: BaseException, held: PooledConnection, client: str | None
    ) -> None:
        """Keep the connection, or close it if the error may have broken it."""
        try:
            if not isinstance(error, Exception):
                await self._stop(held)
            elif isinstance(error, AWAY) or _is_unusable(held.driver):
                held.driver.terminate()
            else:
                self._idle.append(held)
        finally:
            self._release(client)

    def end(self, deadline: Deadline) -> None:
        """Stop watching the deadline."""
        self._deadlines.remove(deadline)

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

    def _reused(self) -> PooledConnection | None:
        while self._idle:
            held = self._idle.pop()
            self._untouched = min(self._untouched, len(self._idle))
            if not held.driver.is_closed() and monotonic() - held.opened < MAX_AGE_S:
                return held
            held.driver.terminate()
        return None

    async def _open(self) -> PooledConnection:
        try:
            driver = await self._connector.open()
        except asyncpg.PostgresError as error:  # such as a database that the role may not use
            raise Unavailable(reason=outage_reason(error)) from error
        return PooledConnection(driver, monotonic())

    def _release(self, client: str | None) -> None:
        self._free.release()
        if client is not None:
            self._shares.release(client)

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


class Lease:
    """One use of a connection, as an asynchronous context manager.

    One small class instead of nested generators: entering and leaving these took 14 us of the 44
    of a read.
    """

    __slots__ = ("_client", "_deadline", "_held", "_observer", "_pool")

    def __init__(self, pool: ConnectionPool, observer: PoolObserver | None = None) -> None:
        self._pool = pool
        self._observer = observer or pool.observer
        self._client: str | None = None
        self._held: PooledConnection | None = None
        self._deadline: Deadline | None = None

    async def __aenter__(self) -> Executor:
        """Raises Unavailable where there is no connection in time."""
        pool, began = self._pool, monotonic()
        try:
            self._client = pool.client()
            self._deadline = pool.begin()
            self._held = await pool.take(self._client)
        except BaseException as error:
            self._end(error)
            raise
        pool.used += 1
        self._observer.acquired(monotonic() - began)
        return Executor(self._held.driver, self._observer.executed)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Give the connection back; raises Unavailable where it broke or the time was up."""
        pool, held = self._pool, self._held
        assert held is not None, "entered before"
        pool.used -= 1
        if error is None:
            pool.give_back(held, self._client)
        else:
            try:
                await pool.give_back_after(error, held, self._client)
            except BaseException as second:  # cancelled again
                self._end(second)
                raise
        self._end(error)

    def _end(self, error: BaseException | None) -> None:
        if self._deadline is not None:
            self._pool.end(self._deadline)
            if self._deadline.explains(error):
                late = TimeoutError()
                late.__cause__ = error
                error = late
        if error is None:
            return
        if isinstance(error, Unavailable):
            self._observer.failed(error.reason)
            return
        translated = domain_error(error)
        if isinstance(translated, Unavailable):
            self._observer.failed(translated.reason)
        if translated is not None:
            raise translated from error


def _is_unusable(driver: Driver) -> bool:
    return driver.is_closed() or driver.is_in_transaction()
