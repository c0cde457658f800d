"""Jobs that other programs ask for in every flavour of Python."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID

import asyncpg
import psycopg
import pytest
from psycopg.rows import dict_row
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import Session

from jubilee.adapters.postgres.connection import connection_arguments
from jubilee.producer import enqueue, enqueue_async

ROW = "SELECT * FROM jobs WHERE id = $1"
COUNT = "SELECT count(*) FROM jobs"
IN_SQL = "SELECT jubilee.enqueue($1, $2, $3, $4)"
LATER = datetime.now(UTC) + timedelta(days=1)

Driver: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


@pytest.fixture
async def driver(database_url: str) -> AsyncIterator[Driver]:
    """A connection of asyncpg."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """SQLAlchemy's, as other programs have it."""
    engine = create_async_engine(
        "postgresql+asyncpg://", connect_args=connection_arguments(database_url)
    )
    yield engine
    await engine.dispose()


BAD_KINDS = ["", "Echo", "1echo", "e cho", "écho", "echo\n", "e" * 101]
BAD_INPUT = [
    *(({"kind": kind}, "kind must be 1 to 100 of") for kind in BAD_KINDS),
    ({"data": {"a": "x" * 65_536}}, "data must not be longer than 65536 bytes"),
    ({"data": {"a": "ü" * 32_766}}, "data must not be longer than 65536 bytes"),
    ({"key": ""}, "key must have 1 to 200 characters"),
    ({"key": "k" * 201}, "key must have 1 to 200 characters"),
    ({"run_at": datetime(9999, 12, 31, tzinfo=UTC)}, "run_at must be before 9999-12-31"),
]


@pytest.mark.parametrize(("bad", "message"), BAD_INPUT)
async def test_bad_input_is_refused_in_sql_and_in_python_alike(
    driver: Driver, bad: dict[str, Any], message: str
) -> None:
    given = {"kind": "echo", "data": {}, "key": None, "run_at": None, **bad}
    in_sql = {**given, "data": json.dumps(given["data"], ensure_ascii=False)}
    with pytest.raises(asyncpg.InvalidParameterValueError, match=message):
        await driver.fetchval(IN_SQL, *in_sql.values())
    with pytest.raises(ValueError, match=message):
        await enqueue_async(driver, **given)


@pytest.mark.parametrize(
    ("bad", "refusal"),
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
async def test_what_the_driver_could_not_send_is_refused_before(
    driver: Driver, bad: dict[str, Any], refusal: type[Exception]
) -> None:
    async with driver.transaction():
        with pytest.raises(refusal):
            await enqueue_async(driver, **{"kind": "echo", **bad})
        assert await driver.fetchval(COUNT) == 0  # and the transaction still works


async def test_the_largest_input_is_accepted(driver: Driver) -> None:
    data = {"a": "ü" * 32_763}
    job_id = await enqueue_async(driver, "e" * 100, data, key="ü" * 200)
    row = await driver.fetchrow(ROW, job_id)
    assert row is not None
    assert len(row["data"].encode()) == 65_535


def in_session(connection: Connection, /, **more: Any) -> UUID:
    """Ask through a Session."""
    with Session(connection) as session:
        found = enqueue(session, "echo", **more)
        session.commit()
    return found


def in_connection(connection: Connection, /, **more: Any) -> UUID:
    """Ask through a Connection."""
    return enqueue(connection, "echo", **more)


async def in_async_session(connection: AsyncConnection, **more: Any) -> UUID:
    """Ask through an AsyncSession."""
    async with AsyncSession(connection) as session:
        found = await enqueue_async(session, "echo", **more)
        await session.commit()
    return found


async def in_async_connection(connection: AsyncConnection, **more: Any) -> UUID:
    """Ask through an AsyncConnection."""
    return await enqueue_async(connection, "echo", **more)


async def in_sync_session(connection: AsyncConnection, **more: Any) -> UUID:
    """The same for a Session."""
    return await connection.run_sync(in_session, **more)


async def in_sync_connection(connection: AsyncConnection, **more: Any) -> UUID:
    """The same for a Connection."""
    return await connection.run_sync(in_connection, **more)


async def in_driver(connection: AsyncConnection, **more: Any) -> UUID:
    """Ask through asyncpg, on a connection whose codecs are its program's own."""
    await connection.exec_driver_sql("SELECT 1")  # SQLAlchemy begins with its first statement
    raw = await connection.get_raw_connection()
    driver = raw.driver_connection
    assert driver is not None
    await driver.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=json.dumps, decoder=json.loads
    )
    return await enqueue_async(driver, "echo", **more)


FLAVOURS = [in_sync_session, in_sync_connection, in_async_session, in_async_connection, in_driver]


@pytest.mark.parametrize("flavour", FLAVOURS)
async def test_every_flavour_of_python_asks_for_the_same(
    engine: AsyncEngine, driver: Driver, flavour: Callable[..., Awaitable[UUID]]
) -> None:
    given = {"data": {"ü": [None, 1.5, ":x", "%s"]}, "key": "k", "run_at": LATER}
    async with engine.connect() as connection, connection.begin():
        first = await flavour(connection, **given)
        assert type(first) is UUID
        assert await flavour(connection, **given) == first
    row = await driver.fetchrow(ROW, first)
    assert row is not None
    assert (row["kind"], row["key"], row["run_at"]) == ("echo", "k", LATER)
    assert json.loads(row["data"]) == given["data"]


CURSORS = [psycopg.Cursor, psycopg.ClientCursor, psycopg.RawCursor]


@pytest.mark.parametrize("cursor_factory", CURSORS)
async def test_psycopg_asks_for_the_same_whatever_its_cursors_and_rows(
    database_url: str, driver: Driver, cursor_factory: type[psycopg.Cursor[Any]]
) -> None:
    given = {"data": {"ü": [None, 1.5, ":x", "%s", "$1"]}, "key": "k", "run_at": LATER}

    def ask() -> list[UUID]:
        with psycopg.connect(
            database_url, cursor_factory=cursor_factory, row_factory=dict_row
        ) as connection:
            return [enqueue(connection, "echo", **given) for _ in range(2)]  # type: ignore[arg-type]  # of all types

    first, second = await asyncio.to_thread(ask)
    row = await driver.fetchrow(ROW, first)
    assert first == second
    assert row is not None
    assert (row["kind"], row["key"], row["run_at"]) == ("echo", "k", LATER)
    assert json.loads(row["data"]) == given["data"]


ASYNC_CURSORS = [psycopg.AsyncCursor, psycopg.AsyncClientCursor, psycopg.AsyncRawCursor]


@pytest.mark.parametrize("cursor_factory", ASYNC_CURSORS)
async def test_psycopgs_async_connections_ask_for_the_same(
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
    def ask(connection: psycopg.Connection[Any]) -> None:
        enqueue(connection, "echo")
        connection.rollback()

    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        await enqueue_async(connection, "echo")
        await connection.rollback()
    with psycopg.connect(database_url) as other:
        await asyncio.to_thread(ask, other)
    assert await driver.fetchval(COUNT) == 0


async def test_psycopgs_pipelines_and_autocommit_are_the_callers_affair(
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


def test_the_producer_does_not_load_psycopg() -> None:
    code = "import sys, jubilee.producer; print('psycopg' in sys.modules)"
    said = subprocess.check_output((sys.executable, "-c", code), text=True)
    assert said == "False\n"


@pytest.mark.parametrize("flavour", [in_sync_connection, in_async_connection, in_driver])
async def test_python_leaves_the_commit_to_its_caller(
    engine: AsyncEngine, driver: Driver, flavour: Callable[..., Awaitable[UUID]]
) -> None:
    async with engine.connect() as connection:
        await flavour(connection)
        await connection.rollback()
    assert await driver.fetchval(COUNT) == 0
