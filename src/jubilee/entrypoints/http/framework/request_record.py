"""What an operator is told of every request, and how the numbers are read out."""

import math
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol, TypeAlias

UNMATCHED = "unmatched"
"""The endpoint of every path that is none of ours: labels must not grow with what strangers try."""

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

Exposition: TypeAlias = Callable[[], bytes]
"""All metrics as Prometheus text."""


@dataclass(slots=True)
class Exchange:
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


present: ContextVar[Exchange | None] = ContextVar("exchange", default=None)
"""The request that is being served; every row that it leaves is marked with its id."""


class RequestMeter(Protocol):
    """Counts requests; must be quick and must not fail."""

    def came(self) -> None:
        """A request has come in."""

    def went(self, exchange: Exchange) -> None:
        """It has been answered, or broken off."""


class Unmetered(RequestMeter):
    """Where nobody counts."""

    def came(self) -> None:
        pass

    def went(self, exchange: Exchange) -> None:
        pass


UNMETERED = Unmetered()


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
