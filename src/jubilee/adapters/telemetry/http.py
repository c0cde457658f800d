"""Metrics of requests, and the access log."""

import asyncio
from time import time_ns
from typing import TypeAlias

from jubilee.adapters.telemetry.access_log import AccessLog
from jubilee.adapters.telemetry.counters import Counter, Histogram
from jubilee.adapters.telemetry.instruments import Instruments
from jubilee.adapters.telemetry.sampling import SamplingDecision, sampling_decision
from jubilee.observation.requests import RequestObserver, RequestRecord

BATCH_INTERVAL_S = 0.05  # the longest time a finished request waits to be recorded
BATCH_SIZE = 64  # requests that are recorded at once before that

FinishedRequest: TypeAlias = tuple[RequestRecord, SamplingDecision | None, int]
"""A request, its sampling decision, and its end in nanoseconds since 1970."""

RequestMetrics: TypeAlias = tuple[Counter, Histogram, Histogram, Histogram]


class HttpTelemetry(RequestObserver):
    """Records finished requests in batches.

    A request evicts most of this code from the processor's caches, so recording several in a row
    costs a third. Counters are looked up once a route: that costs more than counting.
    """

    def __init__(self, instruments: Instruments, access_log: AccessLog | None) -> None:
        """`access_log` None: count only."""
        self._instruments = instruments
        self._access_log = access_log
        self._batches = access_log is not None and access_log.is_batched
        self._routes: dict[tuple[str, str, int], RequestMetrics] = {}
        self._in_flight = 0
        self._ended: list[FinishedRequest] = []
        self._timer: asyncio.TimerHandle | None = None
        instruments.in_flight.set_function(lambda: self._in_flight)

    def request_started(self) -> None:
        self._in_flight += 1

    def request_finished(self, record: RequestRecord) -> None:
        self._in_flight -= 1
        self._ended.append((record, sampling_decision.get(), time_ns()))
        if not self._batches or len(self._ended) >= BATCH_SIZE:
            self._flush_batch()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(BATCH_INTERVAL_S, self.flush)

    def flush(self) -> None:
        """Record all finished requests now; call it on the event loop only."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._flush_batch()

    def close(self) -> None:
        """Record what is left; later requests are recorded at once, as the loop is about to end."""
        self._batches = False
        self.flush()

    def _flush_batch(self) -> None:
        ended, self._ended = self._ended, []
        for record, decision, ended_ns in ended:
            self._count(record)
            self._write(record, decision, ended_ns)

    def _write(
        self, record: RequestRecord, decision: SamplingDecision | None, ended_ns: int
    ) -> None:
        if self._access_log is not None:
            self._access_log.write(record, decision, ended_ns)

    def _count(self, record: RequestRecord) -> None:
        key = (record.method, record.endpoint, record.status)
        count, seconds, received, sent = self._routes.get(key) or self._new(key)
        count.inc()
        seconds.observe(record.seconds)
        received.observe(record.received)
        sent.observe(record.sent)
        if record.limited_by is not None:
            self._instruments.requests_limited.labels(record.limited_by).inc()

    def _new(self, key: tuple[str, str, int]) -> RequestMetrics:
        method, endpoint, status = key
        labels = method, endpoint, str(status)
        found = self._routes[key] = (
            self._instruments.requests.labels(*labels),
            self._instruments.request_seconds.labels(*labels),
            self._instruments.request_bytes.labels(*labels),
            self._instruments.response_bytes.labels(*labels),
        )
        return found
