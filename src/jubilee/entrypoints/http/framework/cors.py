"""Cross-origin requests (the Fetch standard).

Starlette's CORSMiddleware is not used: it takes 4 to 7 us a request instead of 2, and answers a
refused preflight with 400 in plain text where every error here is a problem document.
"""

from collections.abc import Collection, Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

Header = tuple[bytes, bytes]

VARY = (b"vary", b"Origin")
EXPOSED = (
    b"access-control-expose-headers",
    b"ETag, Idempotent-Replayed, Link, Location, Retry-After, X-Request-ID",
)
PREFLIGHT = (
    (b"access-control-allow-methods", b"GET, POST, PUT, PATCH, DELETE"),
    (
        b"access-control-allow-headers",
        b"Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, X-Request-ID",
    ),
    (b"access-control-max-age", b"600"),
)


class CorsMiddleware:
    """Adds CORS headers to the responses for the allowed origins; no credentials are allowed.

    A preflight is answered by the resource's own OPTIONS with these headers added.
    """

    def __init__(self, app: ASGIApp, origins: Collection[str]) -> None:
        self._app = app
        self._origins = frozenset(origin.encode() for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http":
            send = _send_with_headers([VARY, *self._headers(scope)], send)
        await self._app(scope, receive, send)

    def _headers(self, scope: Scope) -> Iterable[Header]:
        headers = dict(scope["headers"])
        origin = headers.get(b"origin", b"")
        if origin not in self._origins:
            return []
        preflight = scope["method"] == "OPTIONS" and b"access-control-request-method" in headers
        allowed = (b"access-control-allow-origin", origin)
        return [allowed, EXPOSED, *(PREFLIGHT if preflight else ())]


def _send_with_headers(more: Iterable[Header], send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], *more]}
        await send(message)

    return send_with_headers
