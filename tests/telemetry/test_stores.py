"""Spans of PostgreSQL and Redis, without values."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from urllib.parse import urlsplit

import pytest
from asyncpg import PostgresError
from opentelemetry.trace import SpanKind
from sqlalchemy import bindparam, select

from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.core_statement import core_statement
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.statement import Statement
from jubilee.adapters.postgres.tables import users
from jubilee.adapters.postgres.transaction import transactions
from jubilee.adapters.postgres.write_context import WriteContext
from jubilee.adapters.redis.client import RedisAway, RedisClient
from jubilee.adapters.telemetry.instruments import Instruments
from jubilee.adapters.telemetry.logs import unwritten
from jubilee.adapters.telemetry.stores import DatabaseTelemetry, RedisTelemetry
from jubilee.adapters.telemetry.tracing import Tracing
from jubilee.domain.errors import Unavailable
from jubilee.urls.parts import server_attributes
from tests.fakes.store import FakeClock
from tests.servers import Servers
from tests.telemetry.memory import (
    Memory,
    as_text,
    attributes,
    context,
    is_failed,
    parent_id,
)

SECRET = "hunter2"
FIND = core_statement(select(users.c.id).where(users.c.username == bindparam("name")))
DIVIDE = Statement.from_sql("SELECT 1 / CAST(:n AS integer)")
SLEEP = Statement.from_sql("SELECT pg_sleep(5)")
NO_REDIS = "redis://127.0.0.1:1/0"

Connect = Callable[[str], RedisClient]


@asynccontextmanager
async def recorded(tracing: Tracing) -> AsyncIterator[None]:
    """Run within the span of a sampled request."""
    with tracing.tracer.start_as_current_span("GET /", kind=SpanKind.SERVER):
        yield


def count_statements(instruments: Instruments, operation: str) -> float | None:
    """Return the number of measured statements."""
    name = "db_client_operation_duration_seconds_count"
    return instruments.registry.get_sample_value(name, {"operation": operation})


async def test_the_span_of_a_statement_has_no_values(
    pool: ConnectionPool, tracing: Tracing, memory: Memory, database_url: str
) -> None:
    async with recorded(tracing), pool.executor() as executor:
        await executor.first(FIND, name=SECRET)
    span, found = memory.one("SELECT users"), attributes(memory.one("SELECT users"))
    assert span.kind is SpanKind.CLIENT
    assert parent_id(span) == context(memory.one("GET /")).span_id
    assert found["db.query.text"] == FIND.display
    assert (found["db.system.name"], found["db.operation.name"]) == ("postgresql", "SELECT")
    assert found["db.namespace"] == urlsplit(database_url).path[1:]
    assert found["server.address"] == server_attributes(database_url)["server.address"]
    assert SECRET not in as_text(span)
    assert not is_failed(span)


async def test_a_span_has_the_duration_of_its_statement(
    pool: ConnectionPool, tracing: Tracing, memory: Memory
) -> None:
    async with recorded(tracing), pool.executor() as executor:
        await executor.run(Statement.from_sql("SELECT pg_sleep(0.05)"))
    span, request = memory.one("SELECT"), memory.one("GET /")
    assert span.start_time is not None
    assert span.end_time is not None
    assert 0.05e9 <= span.end_time - span.start_time < 5e9
    assert (request.start_time or 0) <= span.start_time


async def test_the_span_of_a_failed_statement_has_its_code(
    pool: ConnectionPool, tracing: Tracing, memory: Memory
) -> None:
    with pytest.raises(PostgresError):
        async with recorded(tracing), pool.executor() as executor:
            await executor.first(DIVIDE, n=0)
    span = memory.one("SELECT")
    found = attributes(span)
    assert found["error.type"] == "asyncpg.exceptions.DivisionByZeroError"
    assert found["db.response.status_code"] == "22012"
    assert is_failed(span)
    assert "division by zero" not in as_text(span)


async def test_the_span_of_a_statement_that_timed_out_has_failed(
    database_url: str, instruments: Instruments, tracing: Tracing, memory: Memory
) -> None:
    observer = DatabaseTelemetry(instruments, tracing, unwritten, server_attributes={}, slow=60)
    pool = ConnectionPool(database_url, size=1, timeout=60, observer=observer)
    async with AsyncExitStack() as ends:
        ends.push_async_callback(pool.close)
        async with pool.executor() as executor:
            await executor.first(DIVIDE, n=1)  # opens the connection in the time that it needs
        pool.timeout = 1
        with pytest.raises(Unavailable):
            async with recorded(tracing), pool.executor() as executor:
                await executor.run(SLEEP)
    assert is_failed(memory.one("SELECT"))
    assert attributes(memory.one("SELECT"))["error.type"] == "asyncio.exceptions.CancelledError"


@pytest.mark.parametrize(("n", "end"), [(1, "COMMIT"), (0, "ROLLBACK")])
async def test_a_transaction_has_spans_of_its_begin_and_end(
    pool: ConnectionPool, tracing: Tracing, memory: Memory, n: int, end: str
) -> None:
    begin = transactions(pool, WriteContext(FakeClock(), new_id, lambda: None))
    try:
        async with recorded(tracing), begin() as tx:
            await tx.executor.first(DIVIDE, n=n)
    except PostgresError:
        assert n == 0
    assert memory.names == ["BEGIN", "SELECT", end, "GET /"]


async def test_a_statement_for_many_rows_is_one_span(
    pool: ConnectionPool, tracing: Tracing, memory: Memory
) -> None:
    async with recorded(tracing), pool.executor() as executor:
        await executor.each(DIVIDE, [{"n": n} for n in range(1, 6)])
    assert memory.names == ["SELECT", "GET /"]


async def test_statements_outside_a_trace_are_measured_without_a_span(
    pool: ConnectionPool, instruments: Instruments, memory: Memory
) -> None:
    async with pool.executor() as executor:
        await executor.first(FIND, name=SECRET)
    assert count_statements(instruments, "SELECT") == 1
    assert memory.spans == []


@pytest.fixture
async def connect(instruments: Instruments, tracing: Tracing) -> AsyncIterator[Connect]:
    """Open clients of Redis with telemetry."""
    async with AsyncExitStack() as ends:

        def connected(url: str) -> RedisClient:
            ran = RedisTelemetry(instruments, tracing, server_attributes(url)).executed
            client = RedisClient(url, timeout=30, observe=ran)
            ends.push_async_callback(client.close)
            return client

        yield connected


async def test_the_span_of_a_command_has_no_values(
    connect: Connect, servers: Servers, tracing: Tracing, memory: Memory
) -> None:
    client = connect(servers.redis_url)
    async with recorded(tracing):
        await client.run("SET", lambda redis: redis.set(f"test:{SECRET}", SECRET, ex=1))
    span = memory.one("SET")
    found = attributes(span)
    assert (span.kind, found["db.system.name"]) == (SpanKind.CLIENT, "redis")
    assert found["db.operation.name"] == "SET"
    assert found["server.address"] == server_attributes(servers.redis_url)["server.address"]
    assert SECRET not in as_text(span)


async def test_the_span_of_an_unanswered_command_has_failed(
    connect: Connect, tracing: Tracing, memory: Memory, instruments: Instruments
) -> None:
    async with recorded(tracing):
        with pytest.raises(RedisAway):
            await connect(NO_REDIS).run("MGET", lambda redis: redis.mget("a"))
    span = memory.one("MGET")
    assert is_failed(span)
    assert attributes(span)["error.type"] == "redis.exceptions.ConnectionError"
    assert "Connection refused" not in as_text(span)
    assert instruments.registry.get_sample_value("redis_up") == 0


async def test_commands_skipped_during_the_backoff_have_no_span(
    connect: Connect, tracing: Tracing, memory: Memory
) -> None:
    client = connect(NO_REDIS)
    async with recorded(tracing):
        for _ in range(3):
            with pytest.raises(RedisAway):
                await client.run("MGET", lambda redis: redis.mget("a"))
    assert memory.names == ["MGET", "GET /"]


async def test_commands_outside_a_trace_are_measured_without_a_span(
    connect: Connect, servers: Servers, instruments: Instruments, memory: Memory
) -> None:
    assert await connect(servers.redis_url).ping()
    name = "redis_client_operation_duration_seconds_count"
    assert instruments.registry.get_sample_value(name) == 1
    assert instruments.registry.get_sample_value("redis_up") == 1
    assert memory.spans == []


async def test_a_redis_outage_is_logged_once_with_its_cause(
    instruments: Instruments, tracing: Tracing
) -> None:
    lines: list[tuple[str, object]] = []

    def write(event: str, *, level: str = "info", **fields: object) -> None:
        lines.append((event, fields["cause"]))

    telemetry = RedisTelemetry(instruments, tracing, {}, write)
    client = RedisClient(NO_REDIS, timeout=2, on_failure=telemetry.failed)
    for _ in range(3):
        assert not await client.ping()
    await client.close()
    assert lines == [("Redis does not answer", "connection refused")]
