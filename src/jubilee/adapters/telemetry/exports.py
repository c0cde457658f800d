"""What a process exports of its telemetry, and the end of the exports."""

import threading
from collections.abc import Callable
from functools import partial
from time import monotonic

from opentelemetry.sdk.trace import SpanProcessor
from starlette.types import ASGIApp

from jubilee.adapters.telemetry.logs import LineBridge
from jubilee.adapters.telemetry.sampling_middleware import SamplingMiddleware
from jubilee.adapters.telemetry.tracing import Tracing


class Exports:
    """The exports of a process; these have no spans and lines, and close what was added."""

    def __init__(self) -> None:
        self.spans: SpanProcessor | None = None
        self.lines: LineBridge | None = None
        self._ends: list[Callable[[], None]] = []
        self._others: list[Callable[[float], None]] = []

    def trace_requests(self, app: ASGIApp, tracing: Tracing) -> ASGIApp:
        """Wrap the application in the middleware that traces its requests."""
        return SamplingMiddleware(app, tracing)

    def close_too(self, close: Callable[[float], None]) -> None:
        """Add a function that `close` calls with its timeout, in parallel to the signals."""
        self._others.append(close)

    def close(self, timeout: float) -> None:
        """Send what is left of all signals in parallel, for at most `timeout` seconds."""
        others: list[Callable[[], None]] = [partial(close, timeout) for close in self._others]
        threads = [threading.Thread(target=end, daemon=True) for end in self._ends + others]
        for thread in threads:
            thread.start()
        deadline = monotonic() + timeout
        for thread in threads:
            thread.join(max(deadline - monotonic(), 0))
