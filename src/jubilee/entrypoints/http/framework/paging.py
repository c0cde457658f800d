"""Paged lists, with a link to the next page."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, TypeVar
from urllib.parse import urlencode

from pydantic import BaseModel, Field
from pydantic_core import to_json
from starlette.responses import Response

from jubilee.domain.paging import Page, Position
from jubilee.entrypoints.http.framework.endpoint import Call, Model, ReplyModel, ResponseSpec
from jubilee.entrypoints.http.framework.responses import JsonResponse
from jubilee.entrypoints.http.framework.rows import ListRow

T = TypeVar("T")
PAGING = {"limit", "cursor"}


class PageQuery(Model):
    """Query parameters of every list."""

    limit: int = Field(20, ge=1, le=100, description="maximum number of rows")
    cursor: str | None = Field(
        None, max_length=2048, description="`next_cursor` of the previous page"
    )


class PageReply(ReplyModel):
    """A page of a list, with the cursor of the next page."""

    items: Sequence[Any]
    next_cursor: str | None = Field(description="`cursor` of the next page; null on the last page")


def page_of(model: type[PageReply], example: object) -> ResponseSpec:
    """Describe the response of a list; `example` is one of its rows."""
    return ResponseSpec(
        status=200,
        description="One page of the list.",
        model=model,
        headers={"Link": 'the next page, with `rel="next"`; absent on the last page'},
        example={"items": [example], "next_cursor": None},
    )


def position(call: Call[Any, Any]) -> Position | None:
    """Return the position at which the requested page starts; raises InvalidCursor."""
    query: PageQuery = call.query
    if query.cursor is None:
        return None
    return call.context.cursors.decode(query.cursor, _scope(call, _filters(call)))


def paged(
    call: Call[Any, Any], page: Page[T], reply: Callable[[T], BaseModel | ListRow]
) -> Response:
    """Respond with the page and a link to the next one."""
    headers, cursor = {}, None
    if page.after is not None:
        filters = _filters(call)
        cursor = call.context.cursors.encode(page.after, _scope(call, filters))
        headers["Link"] = _link(call, filters, cursor)
    rows = [reply(row) for row in page.rows]
    return JsonResponse(to_json({"items": rows, "next_cursor": cursor}), headers=headers)


def _filters(call: Call[Any, Any]) -> dict[str, str]:
    query: PageQuery = call.query
    if query.model_fields_set <= PAGING:
        return _defaults(type(query))
    return _texts(query)


@cache
def _defaults(model: type[PageQuery]) -> dict[str, str]:
    """Return the filters of a list without any, which most requests are for."""
    return _texts(model())


def _texts(query: PageQuery) -> dict[str, str]:
    filters = query.model_dump(mode="json", exclude=PAGING, exclude_none=True)
    return {name: str(value) for name, value in filters.items()}


def _scope(call: Call[Any, Any], filters: Mapping[str, str]) -> str:
    return f"{call.path}?{_encoded(tuple(filters.items()))}"


def _link(call: Call[Any, Any], filters: Mapping[str, str], cursor: str) -> str:
    """Return the link to the next page; a cursor has no characters that need quoting."""
    chosen = _encoded(tuple(filters.items()))
    ampersand = "&" if chosen else ""
    parameters = f"{chosen}{ampersand}limit={call.query.limit}&cursor={cursor}"
    return f'<{call.mount}{call.path}?{parameters}>; rel="next"'


@lru_cache(maxsize=256)  # most lists have one of a few; encoding the parameters took 10 us
def _encoded(filters: tuple[tuple[str, str], ...]) -> str:
    return urlencode(sorted(filters))
