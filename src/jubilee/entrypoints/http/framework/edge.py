"""Outermost middleware: request id, mounts, common headers, requests in flight.

A single ASGI class, because each layer of middleware costs time on every request.
"""

import math
import re
from secrets import token_hex
from time import monotonic

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jubilee.entrypoints.http.framework.client_address import TrustedProxies
from jubilee.entrypoints.http.framework.context import InFlightRequests
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


class EdgeMiddleware:
    """Records each request, routes its mount, and adds the common headers to its response."""

    def __init__(
        self,
        app: ASGIApp,
        traffic: InFlightRequests,
        meter: RequestObserver = NO_REQUEST_OBSERVER,
        timeout: float = math.inf,
        proxies: TrustedProxies | None = None,
    ) -> None:
        """`timeout` is the duration of a request in seconds, without that of its body.

        Without `proxies` the client's address is the peer's.
        """
        self._app = app
        self._traffic = traffic
        self._meter = meter
        self._timeout = timeout
        self._proxies = proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; other scopes pass through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        record = new_record(scope, self._proxies)
        record.began = began = monotonic()
        record.deadline = began + self._timeout
        scope["state"] = {"record": record}
        _mount(scope)
        running, token = self._traffic.begin(), current_request.set(record)
        self._meter.request_started()
        try:
            await self._app(scope, receive, self._with_headers(send, record))
        finally:
            self._traffic.end(running)
            record.seconds = monotonic() - began
            self._meter.request_finished(record)
            current_request.reset(token)

    def _with_headers(self, send: Send, record: RequestRecord) -> Send:
        request_id = record.request_id.encode()

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.body":
                record.sent += len(message.get("body", b""))
            if message["type"] == "http.response.start":
                record.status = message["status"]
                headers = list(message["headers"])
                given = {name for name, _ in headers}
                headers += [pair for pair in DEFAULT_HEADERS if pair[0] not in given]
                headers.append((b"x-request-id", request_id))
                if self._traffic.draining:
                    headers.append((b"connection", b"close"))
                message = {**message, "headers": headers}
            await send(message)

        return send_with_headers


def new_record(scope: Scope, proxies: TrustedProxies | None) -> RequestRecord:
    """Make the record of a request, with the client's request id or a new one."""
    method = scope["method"] if scope["method"] in METHODS else "OTHER"
    peer = scope.get("client")
    client = peer[0] if peer else ""
    if proxies is not None:
        client = proxies.client_of(client, scope["headers"])
    request_id, length = "", b""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and REQUEST_ID.match(value):
            request_id = value.decode()
        elif name == b"content-length":
            length = value
    return RequestRecord(
        request_id=request_id or token_hex(16),
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
