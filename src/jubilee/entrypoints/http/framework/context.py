"""Objects shared by all requests: services, limits, cursors, requests in flight."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from jubilee.domain.services import Services
from jubilee.entrypoints.http.framework.cursors import Cursors
from jubilee.entrypoints.http.framework.polling import poll
from jubilee.entrypoints.http.framework.rate_limits import RequestLimits
from jubilee.observation.requests import MetricsExposition


class InFlightRequests:
    """The requests in flight, and whether the service is draining."""

    def __init__(self) -> None:
        self.draining = False
        self._running: set[object] = set()

    def begin(self) -> object:
        """Add a request; pass the returned token to `end`."""
        request = object()
        self._running.add(request)
        return request

    def end(self, request: object) -> None:
        """Remove a request that was answered or aborted."""
        self._running.discard(request)

    async def drain(self, seconds: float, until: Callable[[], bool]) -> None:
        """Wait at most `seconds` for the requests in flight now; `until` ends the wait early."""
        self.draining = True
        pending = set(self._running)
        await poll(lambda: not pending & self._running or until(), seconds)


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """Limits of a request: the body's size and duration, and the duration of the whole."""

    body_bytes: int
    body_seconds: float
    request_seconds: float = math.inf
    """Duration of a request, not counting the time in which its body arrives."""


@dataclass(frozen=True, slots=True)
class PublicInfo:
    """What the service publishes about itself; what is empty is not known."""

    url: str = ""
    """URL of its root, without a final slash."""
    change_password_url: str = ""
    security_contacts: tuple[str, ...] = ()
    """URIs to which vulnerabilities are reported."""
    security_expires: datetime | None = None
    """When these contacts are no longer valid; None: half a year ahead."""
    issuer: str = ""
    """`iss` of access tokens."""


@dataclass(frozen=True, slots=True)
class ApiContext:
    """What every resource gets when the application is built."""

    services: Services
    cursors: Cursors
    limits: BodyLimits
    in_flight: InFlightRequests
    public: PublicInfo = field(default_factory=PublicInfo)
    exposition: MetricsExposition | None = None
    """None if the metrics are served on a port of their own."""
    rates: RequestLimits | None = None
    """None if the rate of requests is not limited."""
