"""Responses made from the results of use cases."""

from collections.abc import Mapping

from pydantic import BaseModel
from starlette.responses import Response

from jubilee.entrypoints.http.framework.conditions import etag, hash_tag
from jubilee.entrypoints.http.framework.endpoint import JSON, ResponseSpec

JSON_TYPE = (b"content-type", JSON.encode())


class JsonResponse(Response):
    """JSON that is already encoded, with headers as the server sends them."""

    def __init__(
        self, body: bytes, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> None:
        self.body = body
        self.status_code = status
        self.background = None
        self.raw_headers = [(b"content-length", b"%d" % len(body)), JSON_TYPE]
        for name, value in (headers or {}).items():
            self.raw_headers.append((name.lower().encode("latin-1"), value.encode("latin-1")))


def encoded(body: BaseModel) -> bytes:
    """Encode a model as JSON, by the aliases of its members."""
    return type(body).__pydantic_serializer__.to_json(body, by_alias=True)


def ok(body: BaseModel, *, headers: Mapping[str, str] | None = None, status: int = 200) -> Response:
    """Respond with the body as JSON."""
    return JsonResponse(encoded(body), status, headers)


def created(body: BaseModel, location: str, *, etag: str) -> Response:
    """Respond with 201, the path of the new resource and its ETag."""
    return ok(body, headers={"Location": location, "ETag": etag}, status=201)


def tagged(
    body: BaseModel, *, headers: Mapping[str, str] | None = None, status: int = 200
) -> Response:
    """Respond with the body, and a hash of it as ETag."""
    content = encoded(body)
    return JsonResponse(content, status, {"ETag": etag(hash_tag(content)), **(headers or {})})


def current_or_known(reply: ResponseSpec) -> tuple[ResponseSpec, ResponseSpec]:
    """Return the responses of a GET whose response gets an ETag: `reply`, and 304."""
    unchanged = "The representation is unchanged."
    return reply, ResponseSpec(status=304, description=unchanged, headers=reply.headers)


def no_content() -> Response:
    """Respond with 204."""
    return Response(status_code=204)
