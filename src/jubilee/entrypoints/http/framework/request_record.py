"""What an operator is told of every request, and how the numbers are read out."""

import math
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol, TypeAlias

UNMATCHED = "unmatched"
"""The endpoint of every path that is none of ours: labels must not grow with what strangers try."""

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

MetricsExposition: TypeAlias = Callable[[], bytes]
"""All metrics as Prometheus text."""


@dataclass(slots=True)
class RequestRecord:
    """A request and its answer; sizes in bytes, `endpoint` is the path's template."""

    request_id: str
    method: str
    received: int
    client: str
    endpoint: str = UNMATCHED
    user_id: str | None = None
    status: int = 500
    sent: int = 0
    seconds: float = 0.0
    began: float = 0.0
    """When it arrived, by `time.monotonic`."""
    deadline: float = math.inf
    """When it is refused as unavailable, by `time.monotonic`."""


current_request: ContextVar[RequestRecord | None] = ContextVar("current_request", default=None)
"""The request that is being served; every row that it leaves is marked with its id."""


class RequestObserver(Protocol):
    """Counts requests; must be quick and must not fail."""

    def request_started(self) -> None:
        """A request has come in."""

    def request_finished(self, record: RequestRecord) -> None:
        """It has been answered, or broken off."""


class IgnoreRequests(RequestObserver):
    """Where nobody counts."""

    def request_started(self) -> None:
        pass

    def request_finished(self, record: RequestRecord) -> None:
        pass


IGNORE_REQUESTS = IgnoreRequests()


class ConnectionObserver(Protocol):
    """Counts connections; must be quick and must not fail."""

    def connections_open(self, count: int) -> None:
        """So many are open now."""

    def connection_ended(self, reason: str) -> None:
        """The service has ended one, or refused it."""


class NoConnectionObserver(ConnectionObserver):
    """Counts nothing."""

    def connections_open(self, count: int) -> None:
        pass

    def connection_ended(self, reason: str) -> None:
        pass


NO_CONNECTION_OBSERVER = NoConnectionObserver()
