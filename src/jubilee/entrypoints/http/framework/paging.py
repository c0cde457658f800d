"""Paged lists, with a link to the next page."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

from pydantic import BaseModel, Field
from starlette.responses import Response

from jubilee.domain.paging import Page, Position
from jubilee.entrypoints.http.framework.endpoint import Call, Model, ResponseSpec
from jubilee.entrypoints.http.framework.responses import ok

T = TypeVar("T")
P = TypeVar("P", bound="PageReply")


class PageQuery(Model):
    """Query parameters of every list."""

    limit: int = Field(20, ge=1, le=100, description="maximum number of rows")
    cursor: str | None = Field(
        None, max_length=2048, description="`next_cursor` of the previous page"
    )


class PageReply(BaseModel):
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
    return None if query.cursor is None else call.context.cursors.decode(query.cursor, _scope(call))


def paged(
    call: Call[Any, Any], model: type[P], page: Page[T], reply: Callable[[T], BaseModel]
) -> Response:
    """Respond with the page and a link to the next one."""
    cursor = None if page.after is None else call.context.cursors.encode(page.after, _scope(call))
    body = model(items=[reply(row) for row in page.rows], next_cursor=cursor)
    headers = {} if cursor is None else {"Link": _link(call, cursor)}
    return ok(body, headers=headers)


def _filters(call: Call[Any, Any]) -> dict[str, str]:
    query: PageQuery = call.query
    filters = query.model_dump(mode="json", exclude={"limit", "cursor"}, exclude_none=True)
    return {name: str(value) for name, value in filters.items()}


def _scope(call: Call[Any, Any]) -> str:
    return f"{call.path}?{urlencode(sorted(_filters(call).items()))}"


def _link(call: Call[Any, Any], cursor: str) -> str:
    query: PageQuery = call.query
    parameters = {**_filters(call), "limit": str(query.limit), "cursor": cursor}
    return f'<{call.mount}{call.path}?{urlencode(parameters)}>; rel="next"'
