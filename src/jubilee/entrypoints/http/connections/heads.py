"""What a head must be beyond what the parser checks."""

from collections import Counter
from collections.abc import Mapping, Sequence

from jubilee.domain.errors import DomainError
from jubilee.entrypoints.http.connections.limits import MAX_HEADERS
from jubilee.entrypoints.http.connections.refusals import HeadTooLarge, MalformedRequest

VERSIONS = ("1.0", "1.1")
Header = tuple[bytes, bytes]

SINGLE_HEADERS = (b"host", b"authorization", b"content-type")
"""Of two it would be open which one counts; the parser refuses a second Content-Length itself."""

RESERVED_PATHS = ("/health/live", "/health/ready", "/metrics")
"""Under every mount; answered beyond the limit of connections, too."""


def path_of(url: bytes) -> str:
    """The path of a request's target, as it was sent."""
    return url.partition(b"?")[0].decode("latin-1")


def fault_of(
    headers: Sequence[Header], named: Mapping[bytes, bytes], version: str, *, upgrade: bool
) -> DomainError | None:
    """Why a head is refused that has all these headers; `named` has the last of each name."""
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
