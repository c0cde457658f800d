"""Lists in pages, with a link to the next one."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

from pydantic import BaseModel, Field
from starlette.responses import Response

from jubilee.domain.paging import Page, Position
from jubilee.entrypoints.http.framework.endpoint import JSON, Call, Model, ResponseSpec

T = TypeVar("T")
P = TypeVar("P", bound="PageReply")


class PageQuery(Model):
    """What every list takes."""

    limit: int = Field(20, ge=1, le=100, description="how many at most")
    cursor: str | None = Field(
        None, max_length=2048, description="where to go on: `next_cursor` of the page before"
    )


class PageReply(BaseModel):
    """What every list gives: its rows, and where the next page begins."""

    items: Sequence[Any]
    next_cursor: str | None = Field(
        description="the `cursor` of the next page; null where the list ends"
    )


def page_of(model: type[PageReply], example: object) -> ResponseSpec:
    """How every list answers; `example` is one of its rows."""
    return ResponseSpec(
        status=200,
        description="One page of them.",
        model=model,
        headers={"Link": 'the next page, as `rel="next"`; absent on the last'},
        example={"items": [example], "next_cursor": None},
    )


def position(call: Call[Any, Any]) -> Position | None:
    """Where the page begins that the query asks for."""
    query: PageQuery = call.query
    return None if query.cursor is None else call.context.cursors.decode(query.cursor, _scope(call))


def paged(
    call: Call[Any, Any], model: type[P], page: Page[T], reply: Callable[[T], BaseModel]
) -> Response:
    """The page as an answer, with a link to the next one."""
    cursor = None if page.after is None else call.context.cursors.encode(page.after, _scope(call))
    body = model(items=[reply(row) for row in page.rows], next_cursor=cursor)
    headers = {} if cursor is None else {"Link": _link(call, cursor)}
    return Response(body.model_dump_json(by_alias=True), headers=headers, media_type=JSON)


def _filters(call: Call[Any, Any]) -> dict[str, str]:
    query: PageQuery = call.query
    chosen = query.model_dump(mode="json", exclude={"limit", "cursor"}, exclude_none=True)
    return {name: str(value) for name, value in chosen.items()}


def _scope(call: Call[Any, Any]) -> str:
    return f"{call.path}?{urlencode(sorted(_filters(call).items()))}"


def _link(call: Call[Any, Any], cursor: str) -> str:
    query: PageQuery = call.query
    parameters = {**_filters(call), "limit": str(query.limit), "cursor": cursor}
    return f'<{call.mount}{call.path}?{urlencode(parameters)}>; rel="next"'
