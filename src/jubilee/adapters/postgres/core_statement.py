"""Statements written in SQLAlchemy Core."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ARRAY, Column, Select, bindparam, func, select
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.sql.base import Executable
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ClauseElement

from jubilee.adapters.postgres.statement import KeyedStatement, Statement


def core_statement(core: Executable, *, columns: Sequence[str] | None = None) -> Statement:
    """Compile the statement once, into the driver's dialect.

    `columns` are those that an INSERT or UPDATE sets, each from the value of its name.
    """
    compiled = _compiled(core, columns)
    return Statement(str(compiled), compiled.positiontup or (), compiled.params)


def keyed_statement(rows: Select[Any], key: Column[Any]) -> KeyedStatement:
    """Compile the lookup of rows by `key`, a unique column among those selected.

    The list of keys comes from a sub-query, so that its length does not matter to the planner: for
    one key PostgreSQL would else make a new plan at each execution, which costs several times the
    lookup.
    """
    keys = bindparam("keys", type_=ARRAY(key.type))
    wanted = func.array(select(func.unnest(keys)).scalar_subquery())
    compiled = _compiled(rows.where(key == func.any(wanted)))
    names = compiled.positiontup or ()
    return KeyedStatement(str(compiled), names, compiled.params, key=key.key)


def _compiled(core: Executable, columns: Sequence[str] | None = None) -> SQLCompiler:
    assert isinstance(core, ClauseElement)
    compiled = core.compile(dialect=asyncpg.dialect(), column_keys=columns)
    assert isinstance(compiled, SQLCompiler)
    return compiled
