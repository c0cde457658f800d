"""PostgreSQL and Redis in traces: what was done, never with which values."""

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
from jubilee.adapters.postgres.transaction import WriteContext, transactions
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
    attributes,
    context,
    everything,
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
    """As within a request that is sampled."""
    with tracing.tracer.start_as_current_span("GET /", kind=SpanKind.SERVER):
        yield


def seconds(instruments: Instruments, operation: str) -> float | None:
    """How many statements were counted."""
    name = "db_client_operation_duration_seconds_count"
    return instruments.registry.get_sample_value(name, {"operation": operation})


async def test_a_statement_is_a_span_without_its_values(
    pool: ConnectionPool, tracing: Tracing, memory: Memory, database_url: str
) -> None:
    async with recorded(tracing), pool.executor() as executor:
        await executor.first(FIND, name=SECRET)
    span, said = memory.one("SELECT users"), attributes(memory.one("SELECT users"))
    assert span.kind is SpanKind.CLIENT
    assert parent_id(span) == context(memory.one("GET /")).span_id
    assert said["db.query.text"] == FIND.display
    assert (said["db.system.name"], said["db.operation.name"]) == ("postgresql", "SELECT")
    assert said["db.namespace"] == urlsplit(database_url).path[1:]
    assert said["server.address"] == server_attributes(database_url)["server.address"]
    assert SECRET not in everything(span)
    assert not is_failed(span)


async def test_a_span_lasts_as_long_as_its_statement(
    pool: ConnectionPool, tracing: Tracing, memory: Memory
) -> None:
    async with recorded(tracing), pool.executor() as executor:
        await executor.run(Statement.from_sql("SELECT pg_sleep(0.05)"))
    span, around = memory.one("SELECT"), memory.one("GET /")
    assert span.start_time is not None
    assert span.end_time is not None
    assert 0.05e9 <= span.end_time - span.start_time < 5e9
    assert (around.start_time or 0) <= span.start_time


async def test_a_statement_that_fails_says_why_by_its_code(
    pool: ConnectionPool, tracing: Tracing, memory: Memory
) -> None:
    with pytest.raises(PostgresError):
        async with recorded(tracing), pool.executor() as executor:
            await executor.first(DIVIDE, n=0)
    span = memory.one("SELECT")
    said = attributes(span)
    assert said["error.type"] == "asyncpg.exceptions.DivisionByZeroError"
    assert said["db.response.status_code"] == "22012"
    assert is_failed(span)
    assert "division by zero" not in everything(span)


async def test_one_that_ran_out_of_time_has_failed(
    database_url: str, instruments: Instruments, tracing: Tracing, memory: Memory
) -> None:
    watching = DatabaseTelemetry(instruments, tracing, unwritten, server_attributes={}, slow=60)
    pool = ConnectionPool(database_url, size=1, timeout=1, observer=watching)
    async with AsyncExitStack() as ends:
        ends.push_async_callback(pool.close)
        with pytest.raises(Unavailable):
            async with recorded(tracing), pool.executor() as executor:
                await executor.run(SLEEP)
    assert is_failed(memory.one("SELECT"))
    assert attributes(memory.one("SELECT"))["error.type"] == "asyncio.exceptions.CancelledError"


@pytest.mark.parametrize(("n", "end"), [(1, "COMMIT"), (0, "ROLLBACK")])
async def test_a_transaction_shows_its_beginning_and_its_end(
    pool: ConnectionPool, tracing: Tracing, memory: Memory, n: int, end: str
) -> None:
    begin = transactions(pool, WriteContext(FakeClock(), new_id, lambda: None))
    try:
        async with recorded(tracing), begin() as tx:
            await tx.executor.first(DIVIDE, n=n)
    except PostgresError:
        assert n == 0
    assert memory.names == ["BEGIN", "SELECT", end, "GET /"]


async def test_many_rows_are_one_span(
    pool: ConnectionPool, tracing: Tracing, memory: Memory
) -> None:
    async with recorded(tracing), pool.executor() as executor:
        await executor.each(DIVIDE, [{"n": n} for n in range(1, 6)])
    assert memory.names == ["SELECT", "GET /"]


async def test_outside_of_a_trace_statements_are_counted_alone(
    pool: ConnectionPool, instruments: Instruments, memory: Memory
) -> None:
    async with pool.executor() as executor:
        await executor.first(FIND, name=SECRET)
    assert seconds(instruments, "SELECT") == 1
    assert memory.spans == []


@pytest.fixture
async def connect(instruments: Instruments, tracing: Tracing) -> AsyncIterator[Connect]:
    """Clients of Redis, watched as a process watches its own."""
    async with AsyncExitStack() as ends:

        def connected(url: str) -> RedisClient:
            ran = RedisTelemetry(instruments, tracing, server_attributes(url)).executed
            client = RedisClient(url, timeout=2, observe=ran)
            ends.push_async_callback(client.close)
            return client

        yield connected


async def test_a_command_is_a_span_without_its_values(
    connect: Connect, servers: Servers, tracing: Tracing, memory: Memory
) -> None:
    client = connect(servers.redis_url)
    async with recorded(tracing):
        await client.run("SET", lambda redis: redis.set(f"test:{SECRET}", SECRET, ex=1))
    span = memory.one("SET")
    said = attributes(span)
    assert (span.kind, said["db.system.name"]) == (SpanKind.CLIENT, "redis")
    assert said["db.operation.name"] == "SET"
    assert said["server.address"] == server_attributes(servers.redis_url)["server.address"]
    assert SECRET not in everything(span)


async def test_a_command_that_nobody_answers_has_failed(
    connect: Connect, tracing: Tracing, memory: Memory, instruments: Instruments
) -> None:
    async with recorded(tracing):
        with pytest.raises(RedisAway):
            await connect(NO_REDIS).run("MGET", lambda redis: redis.mget("a"))
    span = memory.one("MGET")
    assert is_failed(span)
    assert attributes(span)["error.type"] == "redis.exceptions.ConnectionError"
    assert "Connection refused" not in everything(span)
    assert instruments.registry.get_sample_value("redis_up") == 0


async def test_a_redis_that_is_left_alone_is_no_span(
    connect: Connect, tracing: Tracing, memory: Memory
) -> None:
    client = connect(NO_REDIS)
    async with recorded(tracing):
        for _ in range(3):
            with pytest.raises(RedisAway):
                await client.run("MGET", lambda redis: redis.mget("a"))
    assert memory.names == ["MGET", "GET /"]


async def test_outside_of_a_trace_commands_are_counted_alone(
    connect: Connect, servers: Servers, instruments: Instruments, memory: Memory
) -> None:
    assert await connect(servers.redis_url).ping()
    name = "redis_client_operation_duration_seconds_count"
    assert instruments.registry.get_sample_value(name) == 1
    assert instruments.registry.get_sample_value("redis_up") == 1
    assert memory.spans == []
