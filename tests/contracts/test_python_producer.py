"""Enqueueing jobs from Python by every supported driver."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import psycopg
import pytest
from psycopg.rows import dict_row
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import Session

from jubilee.adapters.postgres.connection import connection_arguments
from jubilee.adapters.postgres.statement import Driver
from jubilee.producer import enqueue, enqueue_async

ROW = "SELECT * FROM jobs WHERE id = $1"
COUNT = "SELECT count(*) FROM jobs"
IN_SQL = "SELECT jubilee.enqueue($1, $2, $3, $4)"
LATER = datetime.now(UTC) + timedelta(days=1)


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """An async engine of SQLAlchemy."""
    engine = create_async_engine(
        "postgresql+asyncpg://", connect_args=connection_arguments(database_url)
    )
    yield engine
    await engine.dispose()


INVALID_KINDS = ["", "Echo", "1echo", "e cho", "écho", "echo\n", "e" * 101]
INVALID_ARGUMENTS = [
    *(({"kind": kind}, "kind must be 1 to 100 of") for kind in INVALID_KINDS),
    ({"data": {"a": "x" * 65_536}}, "data must not be longer than 65536 bytes"),
    ({"data": {"a": "ü" * 32_766}}, "data must not be longer than 65536 bytes"),
    ({"key": ""}, "key must have 1 to 200 characters"),
    ({"key": "k" * 201}, "key must have 1 to 200 characters"),
    ({"run_at": datetime(9999, 12, 31, tzinfo=UTC)}, "run_at must be before 9999-12-31"),
]


@pytest.mark.parametrize(("invalid", "message"), INVALID_ARGUMENTS)
async def test_invalid_arguments_are_refused_in_sql_and_in_python(
    driver: Driver, invalid: dict[str, Any], message: str
) -> None:
    arguments = {"kind": "echo", "data": {}, "key": None, "run_at": None, **invalid}
    in_sql = {**arguments, "data": json.dumps(arguments["data"], ensure_ascii=False)}
    with pytest.raises(asyncpg.InvalidParameterValueError, match=message):
        await driver.fetchval(IN_SQL, *in_sql.values())
    with pytest.raises(ValueError, match=message):
        await enqueue_async(driver, **arguments)


@pytest.mark.parametrize(
    ("invalid", "refusal"),
    [
        ({"data": {"a": "\0"}}, ValueError),
        ({"data": {"a": float("nan")}}, ValueError),
        ({"data": {"a": "\ud800"}}, ValueError),
        ({"data": {"a": object()}}, TypeError),
        ({"data": ["a"]}, TypeError),
        ({"key": "a\0b"}, ValueError),
        ({"run_at": LATER.replace(tzinfo=None)}, ValueError),
    ],
)
async def test_arguments_that_a_driver_cannot_encode_are_refused_before_sending(
    driver: Driver, invalid: dict[str, Any], refusal: type[Exception]
) -> None:
    async with driver.transaction():
        with pytest.raises(refusal):
            await enqueue_async(driver, **{"kind": "echo", **invalid})
        assert await driver.fetchval(COUNT) == 0  # and the transaction still works


async def test_the_largest_input_is_accepted(driver: Driver) -> None:
    data = {"a": "ü" * 32_763}
    job_id = await enqueue_async(driver, "e" * 100, data, key="ü" * 200)
    row = await driver.fetchrow(ROW, job_id)
    assert row is not None
    assert len(row["data"].encode()) == 65_535


def in_session(connection: Connection, /, **more: Any) -> UUID:
    """Enqueue through a Session."""
    with Session(connection) as session:
        found = enqueue(session, "echo", **more)
        session.commit()
    return found


def in_connection(connection: Connection, /, **more: Any) -> UUID:
    """Enqueue through a Connection."""
    return enqueue(connection, "echo", **more)


async def in_async_session(connection: AsyncConnection, **more: Any) -> UUID:
    """Enqueue through an AsyncSession."""
    async with AsyncSession(connection) as session:
        found = await enqueue_async(session, "echo", **more)
        await session.commit()
    return found


async def in_async_connection(connection: AsyncConnection, **more: Any) -> UUID:
    """Enqueue through an AsyncConnection."""
    return await enqueue_async(connection, "echo", **more)


async def in_sync_session(connection: AsyncConnection, **more: Any) -> UUID:
    """Enqueue through a Session inside an AsyncConnection."""
    return await connection.run_sync(in_session, **more)


async def in_sync_connection(connection: AsyncConnection, **more: Any) -> UUID:
    """Enqueue through a Connection inside an AsyncConnection."""
    return await connection.run_sync(in_connection, **more)


async def in_driver(connection: AsyncConnection, **more: Any) -> UUID:
    """Enqueue through asyncpg, on a connection with its own codecs."""
    await connection.exec_driver_sql("SELECT 1")  # SQLAlchemy begins with its first statement
    raw = await connection.get_raw_connection()
    driver = raw.driver_connection
    assert driver is not None
    await driver.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=json.dumps, decoder=json.loads
    )
    return await enqueue_async(driver, "echo", **more)


DRIVERS = [in_sync_session, in_sync_connection, in_async_session, in_async_connection, in_driver]


@pytest.mark.parametrize("enqueue_by", DRIVERS)
async def test_every_driver_enqueues_the_same_job(
    engine: AsyncEngine, driver: Driver, enqueue_by: Callable[..., Awaitable[UUID]]
) -> None:
    arguments = {"data": {"ü": [None, 1.5, ":x", "%s"]}, "key": "k", "run_at": LATER}
    async with engine.connect() as connection, connection.begin():
        first = await enqueue_by(connection, **arguments)
        assert type(first) is UUID
        assert await enqueue_by(connection, **arguments) == first
    row = await driver.fetchrow(ROW, first)
    assert row is not None
    assert (row["kind"], row["key"], row["run_at"]) == ("echo", "k", LATER)
    assert json.loads(row["data"]) == arguments["data"]


CURSORS = [psycopg.Cursor, psycopg.ClientCursor, psycopg.RawCursor]


@pytest.mark.parametrize("cursor_factory", CURSORS)
async def test_psycopg_enqueues_with_every_kind_of_cursor(
    database_url: str, driver: Driver, cursor_factory: type[psycopg.Cursor[Any]]
) -> None:
    arguments = {"data": {"ü": [None, 1.5, ":x", "%s", "$1"]}, "key": "k", "run_at": LATER}

    def call() -> list[UUID]:
        with psycopg.connect(
            database_url, cursor_factory=cursor_factory, row_factory=dict_row
        ) as connection:
            return [enqueue(connection, "echo", **arguments) for _ in range(2)]  # type: ignore[arg-type]  # of all types

    first, second = await asyncio.to_thread(call)
    row = await driver.fetchrow(ROW, first)
    assert first == second
    assert row is not None
    assert (row["kind"], row["key"], row["run_at"]) == ("echo", "k", LATER)
    assert json.loads(row["data"]) == arguments["data"]


ASYNC_CURSORS = [psycopg.AsyncCursor, psycopg.AsyncClientCursor, psycopg.AsyncRawCursor]


@pytest.mark.parametrize("cursor_factory", ASYNC_CURSORS)
async def test_psycopgs_async_connections_enqueue_the_same_job(
    database_url: str, driver: Driver, cursor_factory: type[psycopg.AsyncCursor[Any]]
) -> None:
    async with await psycopg.AsyncConnection.connect(
        database_url, cursor_factory=cursor_factory, row_factory=dict_row
    ) as connection:
        first = await enqueue_async(connection, "echo", {"n": 1}, key="k", run_at=LATER)
        assert await enqueue_async(connection, "echo", key="k") == first
    row = await driver.fetchrow(ROW, first)
    assert row is not None
    assert (row["key"], row["run_at"], row["data"]) == ("k", LATER, '{"n": 1}')


async def test_psycopg_leaves_the_commit_to_its_caller(database_url: str, driver: Driver) -> None:
    def call(connection: psycopg.Connection[Any]) -> None:
        enqueue(connection, "echo")
        connection.rollback()

    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        await enqueue_async(connection, "echo")
        await connection.rollback()
    with psycopg.connect(database_url) as other:
        await asyncio.to_thread(call, other)
    assert await driver.fetchval(COUNT) == 0


async def test_psycopgs_pipelines_and_autocommit_are_supported(
    database_url: str, driver: Driver
) -> None:
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        async with connection.pipeline():
            first = await enqueue_async(connection, "echo")
        with suppress(ZeroDivisionError):
            async with connection.transaction():
                await enqueue_async(connection, "echo")
                raise ZeroDivisionError
    assert [row["id"] for row in await driver.fetch("SELECT id FROM jobs")] == [first]


def test_the_producer_loads_no_library_of_its_callers() -> None:
    libraries = {"asyncpg", "psycopg", "sqlalchemy"}
    code = f"import sys, jubilee.producer; print({libraries} & sys.modules.keys())"
    output = subprocess.check_output((sys.executable, "-c", code), text=True)
    assert output == "set()\n"


@pytest.mark.parametrize("enqueue_by", [in_sync_connection, in_async_connection, in_driver])
async def test_the_caller_commits(
    engine: AsyncEngine, driver: Driver, enqueue_by: Callable[..., Awaitable[UUID]]
) -> None:
    async with engine.connect() as connection:
        await enqueue_by(connection)
        await connection.rollback()
    assert await driver.fetchval(COUNT) == 0
