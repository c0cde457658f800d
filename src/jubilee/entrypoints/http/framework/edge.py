"""The edge of the application: request id, mounts, common headers, CORS, requests in flight.

A single ASGI class, because each layer of middleware costs time on every request.
"""

import math
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from random import getrandbits
from time import monotonic
from typing import TypeAlias

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from jubilee.entrypoints.http.framework.client_address import TrustedProxies
from jubilee.entrypoints.http.framework.context import InFlightRequests
from jubilee.entrypoints.http.framework.cors import CorsHeaders, HeaderLine
from jubilee.observation.requests import (
    METHODS,
    NO_REQUEST_OBSERVER,
    RequestObserver,
    RequestRecord,
    current_request,
)

MOUNTS = ("/v1/api", "/api")
"""Prefixes of the routes besides the root; the OpenAPI document shows only `/api`."""

REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}\Z")

CSP = b"default-src 'none'; frame-ancestors 'none'"
DEFAULT_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", CSP),
    (b"referrer-policy", b"no-referrer"),
    (b"strict-transport-security", b"max-age=31536000; includeSubDomains"),
    (b"x-content-type-options", b"nosniff"),
)
DEFAULT_NAMES = frozenset(name for name, _ in DEFAULT_HEADERS)


@dataclass(frozen=True, slots=True)
class EdgeRules:
    """Rules for the requests that the application serves and those that are refused before it."""

    proxies: TrustedProxies | None = None
    """Finds the addresses of clients; None: each is the peer's."""
    cors: CorsHeaders = field(default_factory=CorsHeaders)


DEFAULT_RULES = EdgeRules()

Respond: TypeAlias = Callable[[Request, RequestRecord], Awaitable[Response]]
"""Answers a request; the body of the response is in memory."""


class EdgeMiddleware:
    """The ASGI application: records each request, and sends the answer with the common headers.

    Resources return their response instead of sending it, so that headers are added without
    wrapping `send`.
    """

    def __init__(
        self,
        respond: Respond,
        in_flight: InFlightRequests,
        meter: RequestObserver = NO_REQUEST_OBSERVER,
        timeout: float = math.inf,
        rules: EdgeRules = DEFAULT_RULES,
    ) -> None:
        """`timeout` is the duration of a request in seconds, without that of its body."""
        self._respond = respond
        self._in_flight = in_flight
        self._meter = meter
        self._timeout = timeout
        self._rules = rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; the server sends no other scopes."""
        record = new_record(scope, dict(scope["headers"]), self._rules.proxies)
        record.began = began = monotonic()
        record.deadline = began + self._timeout
        scope["state"] = {"record": record}
        _mount(scope)
        running, token = self._in_flight.begin(), current_request.set(record)
        self._meter.request_started()
        try:
            response = await self._respond(Request(scope, receive), record)
            await self._send(response, scope["method"], record, send)
        finally:
            self._in_flight.end(running)
            record.seconds = monotonic() - began
            self._meter.request_finished(record)
            current_request.reset(token)

    async def _send(
        self, response: Response, method: str, record: RequestRecord, send: Send
    ) -> None:
        record.status = status = response.status_code
        headers = self._headers(response, method, record)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        if isinstance(response, StreamingResponse):
            await _stream(response, method, record, send)
            return
        body = b"" if method == "HEAD" else response.body
        await send({"type": "http.response.body", "body": body})
        record.sent = len(body)

    def _headers(self, response: Response, method: str, record: RequestRecord) -> list[HeaderLine]:
        headers = [
            *response.raw_headers,
            *self._rules.cors.lines(method, record.named),
            *record.response_headers,
            (b"x-request-id", record.request_id.encode()),
        ]
        add_default_headers(headers)
        if self._in_flight.draining:
            headers.append((b"connection", b"close"))
        return headers


async def _stream(
    response: StreamingResponse, method: str, record: RequestRecord, send: Send
) -> None:
    """Send a body of chunks; each is made when the connection has room for it."""
    if method != "HEAD":
        async for chunk in response.body_iterator:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            record.sent += len(chunk)
    await send({"type": "http.response.body", "body": b""})


def add_default_headers(headers: list[HeaderLine]) -> None:
    """Add the headers of all responses that this one does not set itself."""
    given = dict(headers)
    if DEFAULT_NAMES.isdisjoint(given):
        headers += DEFAULT_HEADERS
    else:
        headers += [pair for pair in DEFAULT_HEADERS if pair[0] not in given]


def new_record(
    scope: Scope, named: Mapping[bytes, bytes], proxies: TrustedProxies | None
) -> RequestRecord:
    """Make the record of a request, with the client's request id or a new one.

    `named` has the last of each header.
    """
    method = scope["method"] if scope["method"] in METHODS else "OTHER"
    peer = scope.get("client")
    client = peer[0] if peer else ""
    if proxies is not None:
        client = proxies.client_of(client, scope["headers"])
    given, length = named.get(b"x-request-id"), named.get(b"content-length", b"")
    return RequestRecord(
        # Not a secret: the system's random numbers would take a call of the kernel.
        request_id=given.decode()
        if given and REQUEST_ID.match(given)
        else f"{getrandbits(128):032x}",
        method=method,
        received=int(length[:15]) if length.isdigit() else 0,
        client=client,
        headers=scope["headers"],
        named=named,
    )


def _mount(scope: Scope) -> None:
    """Route `/v1/api/items/` as `/items`: a redirect would be built from the Host header."""
    path: str = scope["path"]
    prefix = ""
    if path.startswith(MOUNTS):
        prefix = next((m for m in MOUNTS if path == m or path.startswith(m + "/")), "")
    inner = path.removeprefix(prefix)
    scope["root_path"] = prefix
    scope["path"] = prefix + (inner.removesuffix("/") or "/")
