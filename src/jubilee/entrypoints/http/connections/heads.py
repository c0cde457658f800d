"""Checks of a request's head beyond those of the parser."""

from collections import Counter
from collections.abc import Mapping, Sequence

from jubilee.domain.errors import DomainError
from jubilee.entrypoints.http.connections.limits import MAX_HEADERS
from jubilee.entrypoints.http.connections.refusals import HeadTooLarge, MalformedRequest

VERSIONS = ("1.0", "1.1")

SINGLE_HEADERS = (b"host", b"authorization", b"content-type", b"transfer-encoding")
"""Ambiguous if duplicated; the parser itself refuses a second Content-Length."""

DUPLICATE = "Send Host, Authorization, Content-Type and Transfer-Encoding only once."

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
    counts = Counter(name for name, _ in headers)
    faults = (
        (version not in VERSIONS, "Send an HTTP/1.1 request."),
        (version == "1.1" and b"host" not in named, "Send a Host header."),
        (upgrade and _announces_body(named), "Send no body with Upgrade or CONNECT."),
        (any(counts[name] > 1 for name in SINGLE_HEADERS), DUPLICATE),
        (not _has_known_coding(named, version), "Send no transfer coding but chunked."),
    )
    return next((MalformedRequest(detail) for is_fault, detail in faults if is_fault), None)


def _has_known_coding(named: Mapping[bytes, bytes], version: str) -> bool:
    """Return whether the body has no transfer coding but `chunked`, which HTTP/1.0 lacks.

    The parser takes a body of `gzip, chunked` for one that is not compressed.
    """
    coding = named.get(b"transfer-encoding")
    return coding is None or (coding.lower() == b"chunked" and version == "1.1")


def _announces_body(named: Mapping[bytes, bytes]) -> bool:
    return named.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in named
