"""Reading lists page by page."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias, TypeVar

from jubilee.domain.paging import Page, Position

PAGE_SIZE = 100

T = TypeVar("T")
ReadPage: TypeAlias = Callable[[Position | None, int], Awaitable[Page[T]]]
"""Reads at most so many rows after a position."""


async def first_rows(read: ReadPage[T], *, limit: int) -> list[T]:
    """Read the first `limit` rows of a list, or all if it has fewer."""
    found: list[T] = []
    after: Position | None = None
    while len(found) < limit:
        page = await read(after, min(PAGE_SIZE, limit - len(found)))
        found += page.rows
        after = page.after
        if after is None:
            break
    return found
