"""Requests and client connections, as they are reported to metrics, traces and the access log."""

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, TypeAlias

from jubilee.domain.text import as_line

MAX_USER_AGENT_CHARS = 400
UNMATCHED = "unmatched"
"""The endpoint of every unknown path: labels must not grow with the paths that clients try."""

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

Headers: TypeAlias = Sequence[tuple[bytes, bytes]]

MetricsExposition: TypeAlias = Callable[[], Awaitable[bytes]]
"""Renders all metrics in Prometheus' text format."""


@dataclass(slots=True)
class RequestRecord:
    """A request and its response; sizes in bytes, `endpoint` is the path's template."""

    request_id: str
    method: str
    received: int
    client: str
    """Its address, as trusted proxies forwarded it; empty on a Unix socket."""
    endpoint: str = UNMATCHED
    user_id: str | None = None
    impersonator_id: str | None = None
    """The account that acts as the user."""
    status: int = 500
    sent: int = 0
    seconds: float = 0.0
    began: float = 0.0
    """When it arrived, by `time.monotonic`."""
    deadline: float = math.inf
    """When it is refused as unavailable, by `time.monotonic`."""
    response_headers: Headers = ()
    """Added to the response."""
    limited_by: str | None = None
    """The policy that refused it."""
    headers: Headers = ()
    """As they were received; error reports show a few of them."""
    named: Mapping[bytes, bytes] = field(default_factory=dict)
    """The last of each header."""

    @property
    def has_repeated_headers(self) -> bool:
        """Whether a header is given more than once, so that `named` lacks a part of it."""
        return len(self.named) < len(self.headers)

    @property
    def user_agent(self) -> str | None:
        """The client's user agent: printable, one line, MAX_USER_AGENT_CHARS at most."""
        sent = next((value for name, value in self.headers if name == b"user-agent"), b"")
        return as_line(sent.decode("latin-1"), MAX_USER_AGENT_CHARS) or None


current_request: ContextVar[RequestRecord | None] = ContextVar("current_request", default=None)
"""The request being served; log lines and rows written meanwhile carry its id."""


# Ports


class RequestObserver(Protocol):
    """Counts and logs requests; must be quick and must not raise."""

    def request_started(self) -> None:
        """A request has arrived."""

    def request_finished(self, record: RequestRecord) -> None:
        """The response was sent, or the request was aborted."""


class EndReason(StrEnum):
    """Why the service ended a connection."""

    LIMIT = "limit"
    HEAD_TIMEOUT = "head_timeout"
    BODY_TIMEOUT = "body_timeout"
    READ_TIMEOUT = "read_timeout"


class ConnectionObserver(Protocol):
    """Counts client connections; must be quick and must not raise."""

    def connections_open(self, count: int) -> None:
        """The number of open connections has changed to `count`."""

    def connection_ended(self, reason: str) -> None:
        """The service itself closed or refused a connection."""


class NoRequestObserver(RequestObserver):
    """Ignores requests."""

    def request_started(self) -> None:
        pass

    def request_finished(self, record: RequestRecord) -> None:
        pass


class NoConnectionObserver(ConnectionObserver):
    """Ignores connections."""

    def connections_open(self, count: int) -> None:
        pass

    def connection_ended(self, reason: str) -> None:
        pass


NO_REQUEST_OBSERVER = NoRequestObserver()
NO_CONNECTION_OBSERVER = NoConnectionObserver()
