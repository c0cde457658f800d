"""Requests with an Idempotency-Key (draft-ietf-httpapi-idempotency-key-header)."""

import json
import re
from hashlib import sha256
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.responses import Response

from jubilee.domain.idempotency.answers import Answer, KeyedRequest
from jubilee.entrypoints.http.framework.endpoint import AnyCall, AnyEndpoint, Idempotency
from jubilee.entrypoints.http.framework.problems import HttpError

KEY = r'("([ !#-\[\]-~]|\\["\\]){1,255}"|[!#-\[\]-~]{1,255})'
"""A String of RFC 9651, or its characters alone without space, quotation mark and backslash."""

ESCAPED = re.compile(r"\\(.)")
CONTENT_HEADERS = ("content-type", "if-match", "if-none-match", "prefer")
"""Headers that make another request of one with the same body."""


class MalformedIdempotencyKey(HttpError):
    """`Idempotency-Key` must be one string of 1 to 255 printable ASCII characters."""

    code, status = "malformed_idempotency_key", HTTPStatus.BAD_REQUEST


async def respond(endpoint: AnyEndpoint, call: AnyCall) -> Response:
    """Call the handler; for a repetition of an answered request, return that answer instead."""
    if endpoint.idempotency is Idempotency.NONE:
        return await endpoint.handler(call)
    key = read_key(call.request.headers)
    if key is None:
        return await endpoint.handler(call)
    return await _respond_once(endpoint, call, _keyed_request(call, key))


def read_key(headers: Headers) -> str | None:
    """Return the key, bare or quoted; raise MalformedIdempotencyKey."""
    lines = headers.getlist("idempotency-key")
    if not lines:
        return None
    text = lines[0].strip(" \t")
    if len(lines) > 1 or not re.fullmatch(KEY, text):
        raise MalformedIdempotencyKey
    return ESCAPED.sub(r"\1", text[1:-1]) if text.startswith('"') else text


async def _respond_once(endpoint: AnyEndpoint, call: AnyCall, request: KeyedRequest) -> Response:
    response = Response()

    async def work() -> Answer:
        nonlocal response
        response = await endpoint.handler(call)
        caller = call.caller.user_id if call.caller else None
        return Answer(_encode(response), call.request.scope["state"].get("account", caller))

    first = endpoint.idempotency is Idempotency.FIRST
    known = await call.services.idempotency.serve(request, work, look_first=first)
    return response if known is None else _decode(known)


def _keyed_request(call: AnyCall, key: str) -> KeyedRequest:
    """Scope the key to caller, method and path.

    Clients that are not signed in share a scope: the fingerprint keeps their answers apart, as it
    covers the whole body with its password.
    """
    caller = call.caller.user_id if call.caller else "anonymous"
    headers = [call.request.headers.getlist(name) for name in CONTENT_HEADERS]
    head = json.dumps([call.request.scope["query_string"].decode("latin-1"), headers]).encode()
    return KeyedRequest(
        scope=f"{caller} {call.request.method} {call.path}",
        key=key,
        fingerprint=sha256(head + b"\n" + call.content).digest(),
    )


def _encode(response: Response) -> bytes:
    """Write status and headers as a line of JSON, then the body."""
    headers = [
        (name.decode("latin-1"), text.decode("latin-1")) for name, text in response.raw_headers
    ]
    return json.dumps([response.status_code, headers]).encode() + b"\n" + bytes(response.body)


def _decode(content: bytes) -> Response:
    head, _, body = content.partition(b"\n")
    status, headers = json.loads(head)
    response = Response(body, status)
    response.raw_headers = [
        (name.encode("latin-1"), text.encode("latin-1")) for name, text in headers
    ]
    response.headers["Idempotent-Replayed"] = "true"
    return response
