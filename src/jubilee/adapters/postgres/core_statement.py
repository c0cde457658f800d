"""Statements written in SQLAlchemy Core."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from sqlalchemy import ARRAY, Column, Select, bindparam, func, select
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.sql.base import Executable
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ClauseElement

from jubilee.adapters.postgres.statement import DriverSql, KeyedStatement, Statement

DIALECT = asyncpg.dialect()
"""The driver's; it caches what it has found out about types."""


def core_statement(core: Executable, *, columns: Sequence[str] | None = None) -> Statement:
    """Compile the statement once, into the driver's dialect.

    `columns` are those that an INSERT or UPDATE sets, each from the value of its name.
    """
    return Statement(partial(_compiled, core, columns))


def keyed_statement(rows: Select[Any], key: Column[Any]) -> KeyedStatement:
    """Compile the lookup of rows by `key`, a unique column among those selected.

    The list of keys comes from a sub-query, so that its length does not matter to the planner: for
    one key PostgreSQL would else make a new plan at each execution, which costs several times the
    lookup.
    """
    keys = bindparam("keys", type_=ARRAY(key.type))
    wanted = func.array(select(func.unnest(keys)).scalar_subquery())
    return KeyedStatement(partial(_compiled, rows.where(key == func.any(wanted))), key=key.key)


def _compiled(core: Executable, columns: Sequence[str] | None = None) -> DriverSql:
    assert isinstance(core, ClauseElement)
    compiled = core.compile(dialect=DIALECT, column_keys=columns)
    assert isinstance(compiled, SQLCompiler)
    return DriverSql(str(compiled), compiled.positiontup or (), compiled.params)
