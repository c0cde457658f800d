"""What a process exports of its telemetry, and the end of the exports."""

import threading
from collections.abc import Callable
from functools import partial
from time import monotonic

from opentelemetry.sdk.trace import SpanProcessor

from jubilee.adapters.telemetry.logs import LineBridge


class Exports:
    """No exports of spans and lines; what else is closed together with them."""

    def __init__(self) -> None:
        self.spans: SpanProcessor | None = None
        self.lines: LineBridge | None = None
        self._ends: list[Callable[[], None]] = []
        self._others: list[Callable[[float], None]] = []

    def close_too(self, close: Callable[[float], None]) -> None:
        """Let `close` call this with its timeout, in parallel to the signals."""
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
