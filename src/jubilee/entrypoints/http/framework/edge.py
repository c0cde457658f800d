"""Outermost middleware: request id, mounts, common headers, CORS, requests in flight.

A single ASGI class, because each layer of middleware costs time on every request.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from secrets import token_hex
from time import monotonic

from starlette.types import ASGIApp, Message, Receive, Scope, Send

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


class EdgeMiddleware:
    """Records each request, routes its mount, and adds the common headers to its response."""

    def __init__(
        self,
        app: ASGIApp,
        traffic: InFlightRequests,
        meter: RequestObserver = NO_REQUEST_OBSERVER,
        timeout: float = math.inf,
        rules: EdgeRules = DEFAULT_RULES,
    ) -> None:
        """`timeout` is the duration of a request in seconds, without that of its body."""
        self._app = app
        self._traffic = traffic
        self._meter = meter
        self._timeout = timeout
        self._rules = rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; other scopes pass through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        named = dict(scope["headers"])
        record = new_record(scope, named, self._rules.proxies)
        record.began = began = monotonic()
        record.deadline = began + self._timeout
        scope["state"] = {"record": record}
        _mount(scope)
        running, token = self._traffic.begin(), current_request.set(record)
        self._meter.request_started()
        try:
            more = self._rules.cors.lines(scope["method"], named)
            await self._app(scope, receive, self._with_headers(send, record, more))
        finally:
            self._traffic.end(running)
            record.seconds = monotonic() - began
            self._meter.request_finished(record)
            current_request.reset(token)

    def _with_headers(self, send: Send, record: RequestRecord, more: Sequence[HeaderLine]) -> Send:
        request_id = (b"x-request-id", record.request_id.encode())

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.body":
                record.sent += len(message.get("body", b""))
            if message["type"] == "http.response.start":
                record.status = message["status"]
                headers = [*message["headers"], *more, *record.response_headers, request_id]
                add_default_headers(headers)
                if self._traffic.draining:
                    headers.append((b"connection", b"close"))
                message = {**message, "headers": headers}
            await send(message)

        return send_with_headers


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
        request_id=given.decode() if given and REQUEST_ID.match(given) else token_hex(16),
        method=method,
        received=int(length[:15]) if length.isdigit() else 0,
        client=client,
        headers=scope["headers"],
    )


def _mount(scope: Scope) -> None:
    """Route `/v1/api/items/` as `/items`: a redirect would be built from the Host header."""
    path: str = scope["path"]
    prefix = next((m for m in MOUNTS if path == m or path.startswith(m + "/")), "")
    inner = path.removeprefix(prefix)
    scope["root_path"] = prefix
    scope["path"] = prefix + (inner.removesuffix("/") or "/")
