"""Shaping what a use case gave into a response."""

from collections.abc import Mapping

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from jubilee.entrypoints.http.framework.conditions import content_tag, etag, is_known
from jubilee.entrypoints.http.framework.endpoint import JSON, ResponseSpec


def ok(body: BaseModel, *, headers: Mapping[str, str] | None = None, status: int = 200) -> Response:
    """The body as JSON, under its names on the wire."""
    return Response(body.model_dump_json(by_alias=True), status, headers, JSON)


def created(body: BaseModel, location: str, *, etag: str | None = None) -> Response:
    """201, and where the new thing is."""
    headers = {"Location": location, **({"ETag": etag} if etag else {})}
    return ok(body, headers=headers, status=201)


def tagged(body: BaseModel, *, status: int = 200) -> Response:
    """The body, with a tag made from it."""
    return ok(body, headers={"ETag": etag(content_tag(body))}, status=status)


def current(request: Request, body: BaseModel) -> Response:
    """The body with its tag, or 304 where the client knows it already."""
    tag = content_tag(body)
    headers = {"ETag": etag(tag)}
    if is_known(request.headers, tag):
        return Response(status_code=304, headers=headers)
    return ok(body, headers=headers)


def current_or_known(reply: ResponseSpec) -> tuple[ResponseSpec, ResponseSpec]:
    """How a GET of one resource is described, whose `reply` bears a tag."""
    return reply, ResponseSpec(
        status=304, description="It is as you know it.", headers=reply.headers
    )


def no_content() -> Response:
    """204."""
    return Response(status_code=204)
