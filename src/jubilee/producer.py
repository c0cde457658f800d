"""Enqueues jobs from another Python program, in its own transaction: `jubilee.enqueue` in SQL.

The job exists once that transaction has committed, and never if it does not. Nothing here
commits, opens a connection, or needs Redis. `deploy/producers.md` has examples and the grants.

This file alone is the distribution `jubilee-producer`, as `jubilee_producer`: it imports the
standard library only, and recognises the caller's connection by its attributes.
"""

import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol, TypeAlias, runtime_checkable
from uuid import UUID

__all__ = ["enqueue", "enqueue_async"]

# The parts of the callers' libraries that are used.


class Result(Protocol):
    """SQLAlchemy's result of a statement."""

    def scalar_one(self) -> str:
        """Return the only value, which is text here."""


class Dialect(Protocol):
    """SQLAlchemy's dialect, of which one attribute matters."""

    @property
    def paramstyle(self) -> str:
        """The driver's placeholders, in the words of the DB-API."""


@runtime_checkable
class SqlalchemyConnection(Protocol):
    """A `sqlalchemy.Connection`."""

    @property
    def dialect(self) -> Dialect:
        """The dialect of its engine."""

    def exec_driver_sql(self, statement: str, parameters: tuple[object, ...]) -> Result:
        """Execute SQL with the driver's own placeholders."""


class SqlalchemySession(Protocol):
    """A `sqlalchemy.orm.Session` or `scoped_session`."""

    def connection(self) -> SqlalchemyConnection:
        """Return the connection of its transaction."""


@runtime_checkable
class SqlalchemyAsyncConnection(Protocol):
    """A `sqlalchemy.ext.asyncio.AsyncConnection`."""

    @property
    def dialect(self) -> Dialect:
        """The dialect of its engine."""

    def exec_driver_sql(self, statement: str, parameters: tuple[object, ...]) -> Awaitable[Result]:
        """Execute SQL with the driver's own placeholders."""


class SqlalchemyAsyncSession(Protocol):
    """A `sqlalchemy.ext.asyncio.AsyncSession` or `async_scoped_session`."""

    def connection(self) -> Awaitable[SqlalchemyAsyncConnection]:
        """Return the connection of its transaction."""


@runtime_checkable
class AsyncpgConnection(Protocol):
    """An `asyncpg.Connection`, or one of its pool."""

    @property
    def fetchval(self) -> Callable[..., Awaitable[Any]]:
        """Execute a statement; return one value."""


@runtime_checkable
class PsycopgConnection(Protocol):
    """A `psycopg.Connection` or `psycopg.AsyncConnection`, of psycopg 3."""

    @property
    def pgconn(self) -> object:
        """Libpq's connection, which only psycopg 3 has."""

    @property
    def cursor(self) -> Callable[..., Any]:
        """Make a cursor."""


SyncCaller: TypeAlias = "SqlalchemyConnection | SqlalchemySession | PsycopgConnection"
AsyncCaller: TypeAlias = (
    "SqlalchemyAsyncConnection | SqlalchemyAsyncSession | AsyncpgConnection | PsycopgConnection"
)

KIND = re.compile(r"[a-z][a-z0-9_.-]{0,99}")
LONGEST_DATA_BYTES = 65_536
LONGEST_KEY_CHARS = 200
END_OF_TIME = datetime(9999, 12, 31, tzinfo=UTC)

# As text in both directions, so that the codecs of the caller's connection play no part.
CALL = """SELECT CAST(jubilee.enqueue(
    kind => CAST({} AS text), data => CAST(CAST({} AS text) AS jsonb),
    key => CAST({} AS text), run_at => CAST({} AS timestamptz)
) AS text)"""
NUMBERED = CALL.format("$1", "$2", "$3", "$4")
WITH_PERCENT = CALL.format("%s", "%s", "%s", "%s")
NUMBERED_STYLE = "numeric_dollar"
"""The paramstyle of SQLAlchemy's asyncpg; those of its other PostgreSQL drivers take `%s`."""


def enqueue(
    connection: SyncCaller,
    kind: str,
    data: Mapping[str, object] | None = None,
    *,
    key: str | None = None,
    run_at: datetime | None = None,
) -> UUID:
    """Ask for a job in the transaction of a Connection or Session; returns its id.

    SQLAlchemy's, on any driver, or a connection of psycopg 3.
    `data` is what JSON can say, 64 KiB at most, and holds no secrets. A `key` that is known
    already gives the id of the job that has it. `run_at` has a zone; the job starts no sooner.
    Raises ValueError or TypeError for what the database would refuse.
    """
    arguments = _arguments(kind, data, key, run_at)
    if isinstance(connection, PsycopgConnection):
        with connection.cursor(row_factory=_plain_rows) as cursor:
            cursor.execute(_sql_for_cursor(cursor), arguments)
            return UUID(cursor.fetchone()[0])
    if not isinstance(connection, SqlalchemyConnection):
        connection = connection.connection()
    result = connection.exec_driver_sql(_sql_for_dialect(connection.dialect), arguments)
    return UUID(result.scalar_one())


async def enqueue_async(
    connection: AsyncCaller,
    kind: str,
    data: Mapping[str, object] | None = None,
    *,
    key: str | None = None,
    run_at: datetime | None = None,
) -> UUID:
    """The same as `enqueue`, for SQLAlchemy's asyncio, asyncpg, and psycopg's AsyncConnection.

    Asyncpg commits each statement that stands outside `async with connection.transaction()`; so
    does psycopg with `autocommit=True`.
    """
    arguments = _arguments(kind, data, key, run_at)
    if isinstance(connection, PsycopgConnection):
        async with connection.cursor(row_factory=_plain_rows) as cursor:
            await cursor.execute(_sql_for_cursor(cursor), arguments)
            return UUID((await cursor.fetchone())[0])
    if isinstance(connection, AsyncpgConnection):
        return UUID(await connection.fetchval(NUMBERED, *arguments))
    if not isinstance(connection, SqlalchemyAsyncConnection):
        connection = await connection.connection()
    result = await connection.exec_driver_sql(_sql_for_dialect(connection.dialect), arguments)
    return UUID(result.scalar_one())


def _plain_rows(_: object) -> Callable[[Sequence[object]], Sequence[object]]:
    """Make rows of tuples, also where the caller's connection makes others."""
    return tuple


def _sql_for_cursor(cursor: object) -> str:
    """Choose the SQL by its placeholders: those of psycopg's raw cursors are PostgreSQL's own."""
    raw = any("RawCursor" in kind.__name__ for kind in type(cursor).__mro__)
    return NUMBERED if raw else WITH_PERCENT


def _sql_for_dialect(dialect: Dialect) -> str:
    return NUMBERED if dialect.paramstyle == NUMBERED_STYLE else WITH_PERCENT


def _arguments(
    kind: str, data: Mapping[str, object] | None, key: str | None, run_at: datetime | None
) -> tuple[object, ...]:
    """Validate the arguments; return them as the SQL numbers them."""
    if not KIND.fullmatch(kind):
        raise ValueError(
            'kind must be 1 to 100 of a-z, 0-9, "_", "." and "-", and begin with a letter'
        )
    if key is not None and not 1 <= len(key) <= LONGEST_KEY_CHARS:
        raise ValueError(f"key must have 1 to {LONGEST_KEY_CHARS} characters")
    if key is not None and "\0" in key:
        raise ValueError("key must not contain the character NUL")
    return kind, _json(data), key, _moment(run_at)


def _json(data: Mapping[str, object] | None) -> str:
    given = {} if data is None else data
    if not isinstance(given, Mapping):
        raise TypeError("data must be a mapping")
    written = json.dumps(dict(given), ensure_ascii=False, allow_nan=False)
    if re.search(r"(?<!\\)(\\\\)*\\u0000", written):
        raise ValueError("data must not contain the character NUL")
    if len(written.encode()) > LONGEST_DATA_BYTES:
        raise ValueError(f"data must not be longer than {LONGEST_DATA_BYTES} bytes")
    return written


def _moment(run_at: datetime | None) -> datetime | None:
    if run_at is None:
        return None
    if run_at.utcoffset() is None:
        raise ValueError("run_at must have a time zone")
    if run_at >= END_OF_TIME:
        raise ValueError(f"run_at must be before {END_OF_TIME:%Y-%m-%d}")
    return run_at
