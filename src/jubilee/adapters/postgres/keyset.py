"""Keyset paging: a page begins after the sort key of the last row of the page before."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, tuple_

from jubilee.domain.paging import Page, Position

T = TypeVar("T")


def is_after(
    column: ColumnElement[Any], row_id: ColumnElement[Any], *, falling: bool
) -> ColumnElement[bool]:
    """Build the condition of rows after the key that is bound as `last` and `last_id`."""
    key = tuple_(column, row_id)
    last = tuple_(bindparam("last", type_=column.type), bindparam("last_id", type_=row_id.type))
    return key < last if falling else key > last


def last_key(column: ColumnElement[Any], after: Position | None) -> dict[str, object]:
    """Return the values that `is_after` binds; none on the first page."""
    if after is None:
        return {}
    value, row_id = after
    is_text = column.type.python_type is str
    return {"last": value if is_text else datetime.fromisoformat(value), "last_id": UUID(row_id)}


def page(found: Sequence[T], key: Callable[[T], Sequence[object]], *, more: bool) -> Page[T]:
    """Make a page of these rows; `key` returns the sort key of a row, used if there are `more`."""
    return Page(found, tuple(map(_written, key(found[-1]))) if more else None)


def _written(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)
