"""Asks Jubilee for work from Python, in the caller's own transaction: `jubilee.enqueue` in SQL.

The job exists once that transaction has committed, and never if it does not. Nothing here
commits, opens a connection, or needs Redis. `deploy/producers.md` has examples and the grants.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol, TypeAlias, runtime_checkable
from uuid import UUID

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from sqlalchemy import Connection, DateTime, Text, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession, async_scoped_session
from sqlalchemy.orm import Session, scoped_session

__all__ = ["enqueue", "enqueue_async"]


@runtime_checkable
class PsycopgConnection(Protocol):
    """A `psycopg.Connection` or `psycopg.AsyncConnection`; psycopg itself is not imported here."""

    @property
    def pgconn(self) -> Any:  # noqa: ANN401  # libpq's connection: having one tells psycopg 3
        """Libpq's connection."""

    @property
    def cursor(self) -> Callable[..., Any]:
        """Makes a cursor; its overloads are psycopg's own."""


SyncCaller: TypeAlias = "Connection | Session | scoped_session[Session] | PsycopgConnection"
AsyncpgCaller: TypeAlias = (
    "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"
)
AsyncCaller: TypeAlias = (
    "AsyncConnection | AsyncSession | async_scoped_session[AsyncSession] | AsyncpgCaller"
    " | PsycopgConnection"
)

KIND = re.compile(r"[a-z][a-z0-9_.-]{0,99}")
LONGEST_DATA = 65_536  # bytes
LONGEST_KEY = 200  # characters
END_OF_TIME = datetime(9999, 12, 31, tzinfo=UTC)

# As text in both directions, so that the codecs of the caller's connection play no part.
CALL = """SELECT CAST(jubilee.enqueue(
    kind => CAST({} AS text), data => CAST(CAST({} AS text) AS jsonb),
    key => CAST({} AS text), run_at => CAST({} AS timestamptz)
) AS text)"""
NUMBERED = CALL.format("$1", "$2", "$3", "$4")
WITH_PERCENT = CALL.format("%s", "%s", "%s", "%s")
FOR_SQLALCHEMY = text(CALL.format(":kind", ":data", ":key", ":run_at")).bindparams(
    bindparam("kind", type_=Text),
    bindparam("data", type_=Text),
    bindparam("key", type_=Text),
    bindparam("run_at", type_=DateTime(timezone=True)),
)


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
    if not isinstance(connection, PsycopgConnection):
        return UUID(connection.execute(FOR_SQLALCHEMY, arguments).scalar_one())
    with connection.cursor(row_factory=_plain_rows) as cursor:
        cursor.execute(_dialect_of(cursor), tuple(arguments.values()))
        return UUID(cursor.fetchone()[0])


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
            await cursor.execute(_dialect_of(cursor), tuple(arguments.values()))
            return UUID((await cursor.fetchone())[0])
    if isinstance(connection, AsyncConnection | AsyncSession | async_scoped_session):
        return UUID((await connection.execute(FOR_SQLALCHEMY, arguments)).scalar_one())
    return UUID(await connection.fetchval(NUMBERED, *arguments.values()))


def _plain_rows(_: object) -> Callable[[Sequence[object]], Sequence[object]]:
    """Make rows of tuples, also where the caller's connection makes others."""
    return tuple


def _dialect_of(cursor: object) -> str:
    """Choose the SQL by its placeholders: those of psycopg's raw cursors are PostgreSQL's own."""
    raw = any("RawCursor" in kind.__name__ for kind in type(cursor).__mro__)
    return NUMBERED if raw else WITH_PERCENT


def _arguments(
    kind: str, data: Mapping[str, object] | None, key: str | None, run_at: datetime | None
) -> dict[str, object]:
    if not KIND.fullmatch(kind):
        raise ValueError(
            'kind must be 1 to 100 of a-z, 0-9, "_", "." and "-", and begin with a letter'
        )
    if key is not None and not 1 <= len(key) <= LONGEST_KEY:
        raise ValueError(f"key must have 1 to {LONGEST_KEY} characters")
    if key is not None and "\0" in key:
        raise ValueError("key must not contain the character NUL")
    return {"kind": kind, "data": _json(data), "key": key, "run_at": _moment(run_at)}


def _json(data: Mapping[str, object] | None) -> str:
    given = {} if data is None else data
    if not isinstance(given, Mapping):
        raise TypeError("data must be a mapping")
    written = json.dumps(dict(given), ensure_ascii=False, allow_nan=False)
    if re.search(r"(?<!\\)(\\\\)*\\u0000", written):
        raise ValueError("data must not contain the character NUL")
    if len(written.encode()) > LONGEST_DATA:
        raise ValueError(f"data must not be longer than {LONGEST_DATA} bytes")
    return written


def _moment(run_at: datetime | None) -> datetime | None:
    if run_at is None:
        return None
    if run_at.utcoffset() is None:
        raise ValueError("run_at must have a time zone")
    if run_at >= END_OF_TIME:
        raise ValueError(f"run_at must be before {END_OF_TIME:%Y-%m-%d}")
    return run_at
