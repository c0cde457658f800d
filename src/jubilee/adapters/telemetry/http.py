"""Requests: counted, and one line written of each."""

import asyncio
from time import time_ns
from typing import TypeAlias

from jubilee.adapters.telemetry.access_log import AccessLog
from jubilee.adapters.telemetry.counters import Counter, Histogram
from jubilee.adapters.telemetry.instruments import Instruments
from jubilee.adapters.telemetry.sampling import SamplingDecision, sampling_decision
from jubilee.observation.requests import RequestObserver, RequestRecord

BATCH_INTERVAL_S = 0.05  # seconds that what is told of a request may wait
BATCH_SIZE = 64  # requests until then

FinishedRequest: TypeAlias = tuple[RequestRecord, SamplingDecision | None, int]
"""A request, what was decided of its trace, and when it ended, in nanoseconds."""

RequestMetrics: TypeAlias = tuple[Counter, Histogram, Histogram, Histogram]


class HttpTelemetry(RequestObserver):
    """Requests: counted and written some at a time.

    A request leaves little of this code in the processor's caches; one after the other, it costs a
    third. Looking a child up by its labels each time would cost more than counting.
    """

    def __init__(self, instruments: Instruments, access_log: AccessLog | None) -> None:
        """Without an access log nothing is written."""
        self._instruments = instruments
        self._access_log = access_log
        self._gathers = access_log is not None and access_log.is_batched
        self._routes: dict[tuple[str, str, int], RequestMetrics] = {}
        self._in_flight = 0
        self._ended: list[FinishedRequest] = []
        self._timer: asyncio.TimerHandle | None = None
        instruments.in_flight.set_function(lambda: self._in_flight)

    def request_started(self) -> None:
        """A request has come in."""
        self._in_flight += 1

    def request_finished(self, record: RequestRecord) -> None:
        """It has been answered, or broken off."""
        self._in_flight -= 1
        self._ended.append((record, sampling_decision.get(), time_ns()))
        if not self._gathers or len(self._ended) >= BATCH_SIZE:
            self._flush_batch()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(BATCH_INTERVAL_S, self.flush)

    def flush(self) -> None:
        """Tell of all that have ended; by the event loop alone."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._flush_batch()

    def close(self) -> None:
        """What ends after this, when the loop is about to, is told of at once."""
        self._gathers = False
        self.flush()

    def _flush_batch(self) -> None:
        ended, self._ended = self._ended, []
        for record, decided, at in ended:
            self._count(record)
            self._write(record, decided, at)

    def _write(self, record: RequestRecord, decided: SamplingDecision | None, at: int) -> None:
        if self._access_log is not None:
            self._access_log.write(record, decided, at)

    def _count(self, record: RequestRecord) -> None:
        key = (record.method, record.endpoint, record.status)
        count, seconds, received, sent = self._routes.get(key) or self._new(key)
        count.inc()
        seconds.observe(record.seconds)
        received.observe(record.received)
        sent.observe(record.sent)

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
