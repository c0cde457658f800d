"""Shaping what a use case gave into a response."""

from collections.abc import Mapping

from pydantic import BaseModel
from starlette.responses import Response

from jubilee.entrypoints.http.endpoint import JSON


def ok(body: BaseModel, *, headers: Mapping[str, str] | None = None, status: int = 200) -> Response:
    """The body as JSON, under its names on the wire."""
    return Response(body.model_dump_json(by_alias=True), status, headers, JSON)


def created(body: BaseModel, location: str, *, etag: str | None = None) -> Response:
    """201, and where the new thing is."""
    headers = {"Location": location, **({"ETag": etag} if etag else {})}
    return ok(body, headers=headers, status=201)


def no_content() -> Response:
    """204."""
    return Response(status_code=204)
