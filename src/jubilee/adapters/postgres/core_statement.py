"""Statements written in SQLAlchemy Core."""

from collections.abc import Sequence

from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.sql.base import Executable
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ClauseElement

from jubilee.adapters.postgres.statement import Statement


def core_statement(core: Executable, *, columns: Sequence[str] | None = None) -> Statement:
    """Compile the statement once, into the driver's dialect.

    `columns` are those that an INSERT or UPDATE sets, each from the value of its name.
    """
    assert isinstance(core, ClauseElement)
    dialect = asyncpg.dialect()
    compiled = core.compile(dialect=dialect, column_keys=columns)
    assert isinstance(compiled, SQLCompiler)
    return Statement(str(compiled), compiled.positiontup or (), compiled.params)
