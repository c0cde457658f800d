"""Hearing what the parts of the service do, and counting it; every label's child is kept."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from time import perf_counter, time
from typing import Protocol

from prometheus_client import Counter, Histogram
from prometheus_client.exposition import generate_latest

from jubilee.adapters.telemetry.instruments import Instruments
from jubilee.domain.jobs.backlog import Backlog
from jubilee.domain.jobs.claims import Claimed
from jubilee.domain.jobs.running import JobObserver, Outcome

LOOP_PERIOD = 0.5  # seconds
POOL_PERIOD = 1.0  # seconds
REDIS_PERIOD = 10.0  # seconds
OPERATIONS = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "WITH"})

logger = logging.getLogger("jubilee.statements")


class Answered(Protocol):
    """What is counted of a request and its answer."""

    method: str
    endpoint: str
    status: int
    received: int
    sent: int
    seconds: float


class Lending(Protocol):
    """What is shown of a pool: connections that are open, lent, and as many as there may be."""

    @property
    def idle(self) -> int:
        """Open, and not lent."""

    @property
    def used(self) -> int:
        """Lent."""

    @property
    def size(self) -> int:
        """The most that there may be."""


class Ran(Protocol):
    """What is counted of a statement."""

    @property
    def sql(self) -> str:
        """Without its values."""

    @property
    def operation(self) -> str:
        """Its first word."""


class HttpMeter:
    """Requests; looking a child up by its labels each time would cost more than counting."""

    def __init__(self, instruments: Instruments) -> None:
        self._instruments = instruments
        self._routes: dict[tuple[str, str, int], tuple[Counter, Histogram, Histogram, Histogram]]
        self._routes = {}

    def came(self) -> None:
        """A request has come in."""
        self._instruments.in_flight.inc()

    def went(self, exchange: Answered) -> None:
        """It has been answered, or broken off."""
        key = (exchange.method, exchange.endpoint, exchange.status)
        count, seconds, received, sent = self._routes.get(key) or self._new(key)
        count.inc()
        seconds.observe(exchange.seconds)
        received.observe(exchange.received)
        sent.observe(exchange.sent)
        self._instruments.in_flight.dec()

    def _new(self, key: tuple[str, str, int]) -> tuple[Counter, Histogram, Histogram, Histogram]:
        method, endpoint, status = key
        found = self._routes[key] = (
            self._instruments.requests.labels(method, endpoint, str(status)),
            self._instruments.request_seconds.labels(method, endpoint, f"{status // 100}xx"),
            self._instruments.request_bytes.labels(method, endpoint),
            self._instruments.response_bytes.labels(method, endpoint),
        )
        return found


class DatabaseMeter:
    """Statements and connections; one that takes long is logged, without its values."""

    def __init__(self, instruments: Instruments, slow: float) -> None:
        """`slow` counts seconds."""
        self._instruments = instruments
        self._slow = slow
        self._operations: dict[str, Histogram] = {}

    def lent(self, waited: float) -> None:
        """Somebody has a connection."""
        self._instruments.pool_wait.observe(waited)

    def failed(self) -> None:
        """A use failed for want of the database."""
        self._instruments.connection_failures.inc()

    def ran(self, statement: Ran, seconds: float) -> None:
        """A statement has been run."""
        child = self._operations.get(statement.operation) or self._new(statement.operation)
        child.observe(seconds)
        if seconds >= self._slow:
            self._instruments.slow_statements.inc()
            logger.warning("slow statement, %.0f ms: %s", seconds * 1000, statement.sql)

    def _new(self, operation: str) -> Histogram:
        label = operation if operation in OPERATIONS else "OTHER"
        child = self._operations[operation] = self._instruments.statement_seconds.labels(label)
        return child


class RedisMeter:
    """Commands on the request path, and the caches that live on them."""

    def __init__(self, instruments: Instruments) -> None:
        self._instruments = instruments

    def ran(self, seconds: float, *, answered: bool) -> None:
        """A command has ended."""
        self._instruments.redis_seconds.observe(seconds)
        self._instruments.redis_up.set(answered)

    def looked(self, cache: str, outcome: str) -> None:
        """Somebody looked into a cache: hit, miss or error."""
        self._instruments.cache.labels(cache, outcome).inc()


class JobMeter(JobObserver):
    """Attempts, and what waits."""

    def __init__(self, instruments: Instruments) -> None:
        self._instruments = instruments

    def started(self, claimed: Claimed) -> None:
        self._instruments.jobs_running.inc()
        self._instruments.jobs_started.labels(claimed.kind, claimed.lane.value).inc()
        self._instruments.job_wait.labels(claimed.lane.value).observe(claimed.waited)

    def ended(self, claimed: Claimed, outcome: Outcome, seconds: float) -> None:
        self._instruments.jobs_running.dec()
        self._instruments.jobs_finished.labels(claimed.kind, outcome.value).inc()
        self._instruments.job_seconds.labels(claimed.kind).observe(seconds)
        if outcome is Outcome.SUCCEEDED:
            self._instruments.job_whole.labels(claimed.kind).observe(claimed.age + seconds)

    def dispatched(self, count: int) -> None:
        """The relay has finished a round."""
        self._instruments.jobs_dispatched.inc(count)
        self._instruments.relay_success.set(time())

    def rescued(self, count: int) -> None:
        """Leases have run out."""
        self._instruments.jobs_rescued.inc(count)

    def show(self, backlog: Backlog) -> None:
        """What the database says of all jobs."""
        gauges = self._instruments
        for (lane, status), count in backlog.jobs.items():
            gauges.jobs_state.labels(lane, status).set(count)
        for lane, seconds in backlog.oldest_due.items():
            gauges.oldest_due.labels(lane).set(seconds)
        gauges.overdue.set(backlog.overdue)
        gauges.oldest_event.set(backlog.oldest_event)
        gauges.workers_alive.set(backlog.workers)
        for state, count in backlog.greetings.items():
            gauges.greetings.labels(state).set(count)
        gauges.planned_until.set(backlog.greetings_planned_until)
        gauges.greetings_missing.set(backlog.greetings_missing)


async def watch_loop(instruments: Instruments) -> None:
    """Measure how late the event loop wakes, until cancelled."""
    while True:
        began = perf_counter()
        await asyncio.sleep(LOOP_PERIOD)
        instruments.loop_lag.observe(max(perf_counter() - began - LOOP_PERIOD, 0))


async def watch_pool(instruments: Instruments, pool: Lending) -> None:
    """Show how many connections there are, until cancelled."""
    while True:
        instruments.pool_connections.labels("idle").set(pool.idle)
        instruments.pool_connections.labels("used").set(pool.used)
        instruments.pool_size.set(pool.size)
        await asyncio.sleep(POOL_PERIOD)


async def watch_redis(ping: Callable[[], Awaitable[bool]]) -> None:
    """Ask it now and then, for the gauge to be true where nobody else asks, until cancelled."""
    while True:
        await ping()
        await asyncio.sleep(REDIS_PERIOD)


def exposition(instruments: Instruments) -> bytes:
    """All metrics as Prometheus text."""
    return generate_latest(instruments.registry)
