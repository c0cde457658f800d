"""Cross-origin requests (the Fetch standard).

Starlette's CORSMiddleware is not used: it takes 4 to 7 us a request instead of 1, and answers a
refused preflight with 400 in plain text where every error here is a problem document.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

HeaderLine: TypeAlias = tuple[bytes, bytes]

ANY = "*"
ANY_PORT = ":*"
EXPOSED = (
    b"access-control-expose-headers",
    (
        b"Deprecation, ETag, Idempotent-Replayed, Impersonated-By, Link, Location, "
        b"Preference-Applied, RateLimit, RateLimit-Policy, Retry-After, Sunset, X-Request-ID"
    ),
)
PREFLIGHT = (
    (b"access-control-allow-methods", b"GET, POST, PUT, PATCH, DELETE"),
    (
        b"access-control-allow-headers",
        (
            b"Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Prefer, "
            b"Traceparent, Tracestate, X-Request-ID"
        ),
    ),
    (b"access-control-max-age", b"600"),
)
VARY = (b"vary", b"Origin")
CREDENTIALS = (b"access-control-allow-credentials", b"true")


class CorsHeaders:
    """Makes the headers that let pages of the allowed origins read responses.

    A preflight is answered by the resource's own OPTIONS with these headers added.
    """

    def __init__(self, origins: Iterable[str] = (), *, credentials: bool = False) -> None:
        """Each of `origins` is an origin, one with any port (`http://localhost:*`), or `*`.

        Raises ValueError for `*` with `credentials`: any page could act as its visitor.
        """
        allowed = frozenset(origins)
        if ANY in allowed and credentials:
            raise ValueError("the origin * allows no credentials")
        self._allows_any = ANY in allowed
        hosts = [each.removesuffix(ANY_PORT) for each in allowed if each.endswith(ANY_PORT)]
        self._exact = frozenset(e.encode() for e in allowed if not e.endswith(ANY_PORT))
        any_port = "|".join(map(re.escape, hosts)) or r"(?!)"
        self._any_port = re.compile(rf"(?:{any_port})(?::[0-9]{{1,5}})?".encode())
        self._always = [VARY] if allowed and not self._allows_any else []
        self._granted = [EXPOSED, *([CREDENTIALS] if credentials else [])]

    def lines(self, method: str, named: Mapping[bytes, bytes]) -> Sequence[HeaderLine]:
        """Return the headers of the response to a request with these headers."""
        origin = named.get(b"origin")
        if origin is None or not self._allows(origin):
            return self._always
        allowed = (b"access-control-allow-origin", b"*" if self._allows_any else origin)
        preflight = method == "OPTIONS" and b"access-control-request-method" in named
        return [*self._always, allowed, *self._granted, *(PREFLIGHT if preflight else ())]

    def _allows(self, origin: bytes) -> bool:
        if self._allows_any or origin in self._exact:
            return True
        return self._any_port.fullmatch(origin) is not None
