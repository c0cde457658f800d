"""What every request is served with: the services, and what belongs to the API alone."""

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from jubilee.domain.services import Services
from jubilee.entrypoints.http.framework.cursors import Cursors
from jubilee.observation.requests import MetricsExposition


class InFlightRequests:
    """The requests in flight, and whether the service still wants new ones."""

    def __init__(self) -> None:
        self.draining = False
        self._running: set[object] = set()

    def begin(self) -> object:
        """A request comes in; the answer is to be given to `end`."""
        request = object()
        self._running.add(request)
        return request

    def end(self, request: object) -> None:
        """It has been answered."""
        self._running.discard(request)

    async def drain(self, seconds: float, until: Callable[[], bool]) -> None:
        """Wait, for so long at most, until all has ended that is in flight now."""
        self.draining = True
        present, deadline = set(self._running), monotonic() + seconds
        while present & self._running and monotonic() < deadline and not until():  # noqa: ASYNC110  # it ends by time, too
            await asyncio.sleep(0.02)


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """How large a body may be, in bytes, and how long it may take, in seconds."""

    body_bytes: int
    body_seconds: float
    request_seconds: float = math.inf
    """How long a request may take, without the time in which its body arrives."""


@dataclass(frozen=True, slots=True)
class ApiContext:
    """Handed to every resource when the application is built."""

    services: Services
    cursors: Cursors
    limits: BodyLimits
    traffic: InFlightRequests
    exposition: MetricsExposition | None = None
    """None where the metrics have a listener of their own."""
