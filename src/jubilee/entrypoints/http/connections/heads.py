"""Checks of a request's head beyond those of the parser."""

from collections import Counter
from collections.abc import Mapping, Sequence

from jubilee.domain.errors import DomainError
from jubilee.entrypoints.http.connections.limits import MAX_HEADERS
from jubilee.entrypoints.http.connections.refusals import HeadTooLarge, MalformedRequest

VERSIONS = ("1.0", "1.1")

SINGLE_HEADERS = (b"host", b"authorization", b"content-type")
"""Ambiguous if duplicated; the parser itself refuses a second Content-Length."""

RESERVED_PATHS = ("/health/live", "/health/ready", "/metrics")
"""Served under every mount even beyond the limit of connections."""


def path_of(url: bytes) -> str:
    """Return the path of a request target, not decoded."""
    return url.partition(b"?")[0].decode("latin-1")


def fault_of(
    headers: Sequence[tuple[bytes, bytes]],
    named: Mapping[bytes, bytes],
    version: str,
    *,
    upgrade: bool,
) -> DomainError | None:
    """Return the error of a head with these headers, or None; `named` has the last of each."""
    if len(headers) > MAX_HEADERS:
        return HeadTooLarge()
    if version not in VERSIONS:
        return MalformedRequest("Send an HTTP/1.1 request.")
    if b"host" not in named and version == "1.1":
        return MalformedRequest("Send a Host header.")
    if upgrade and _announces_body(named):
        return MalformedRequest("Send no body with Upgrade or CONNECT.")
    counts = Counter(name for name, _ in headers)
    if any(counts[name] > 1 for name in SINGLE_HEADERS):
        return MalformedRequest("Send Host, Authorization and Content-Type only once.")
    return None


def _announces_body(named: Mapping[bytes, bytes]) -> bool:
    return named.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in named
