"""Responses made from the results of use cases."""

from collections.abc import Mapping

from pydantic import BaseModel
from starlette.responses import Response

from jubilee.entrypoints.http.framework.conditions import etag, hash_tag
from jubilee.entrypoints.http.framework.endpoint import JSON, ResponseSpec


def ok(body: BaseModel, *, headers: Mapping[str, str] | None = None, status: int = 200) -> Response:
    """Respond with the body as JSON."""
    return Response(body.model_dump_json(by_alias=True), status, headers, JSON)


def created(body: BaseModel, location: str, *, etag: str) -> Response:
    """Respond with 201, the path of the new resource and its ETag."""
    return ok(body, headers={"Location": location, "ETag": etag}, status=201)


def tagged(
    body: BaseModel, *, headers: Mapping[str, str] | None = None, status: int = 200
) -> Response:
    """Respond with the body, and a hash of it as ETag."""
    content = body.model_dump_json(by_alias=True).encode()
    return Response(content, status, {"ETag": etag(hash_tag(content)), **(headers or {})}, JSON)


def current_or_known(reply: ResponseSpec) -> tuple[ResponseSpec, ResponseSpec]:
    """Return the responses of a GET whose response gets an ETag: `reply`, and 304."""
    unchanged = "The representation is unchanged."
    return reply, ResponseSpec(status=304, description=unchanged, headers=reply.headers)


def no_content() -> Response:
    """Respond with 204."""
    return Response(status_code=204)
