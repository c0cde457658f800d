"""Requests: counted, and one line written of each."""

import asyncio
from time import time_ns
from typing import TypeAlias

from jubilee.adapters.telemetry.access_log import AccessLog, Answered
from jubilee.adapters.telemetry.counters import Count, Tally
from jubilee.adapters.telemetry.instruments import Instruments
from jubilee.adapters.telemetry.sampling import Verdict, verdict

GATHER = 0.05  # seconds that what is told of a request may wait
MOST = 64  # requests until then

Ended: TypeAlias = tuple[Answered, Verdict | None, int]
"""A request, what was decided of its trace, and when it ended, in nanoseconds."""

Children: TypeAlias = tuple[Count, Tally, Tally, Tally]


class HttpTelemetry:
    """Requests: counted and written some at a time.

    A request leaves little of this code in the processor's caches; one after the other, it costs a
    third. Looking a child up by its labels each time would cost more than counting.
    """

    def __init__(self, instruments: Instruments, access_log: AccessLog | None) -> None:
        """Without an access log nothing is written."""
        self._instruments = instruments
        self._access_log = access_log
        self._gathers = access_log is not None and access_log.can_wait
        self._routes: dict[tuple[str, str, int], Children] = {}
        self._in_flight = 0
        self._ended: list[Ended] = []
        self._timer: asyncio.TimerHandle | None = None
        instruments.in_flight.set_function(lambda: self._in_flight)

    def came(self) -> None:
        """A request has come in."""
        self._in_flight += 1

    def went(self, exchange: Answered) -> None:
        """It has been answered, or broken off."""
        self._in_flight -= 1
        self._ended.append((exchange, verdict.get(), time_ns()))
        if not self._gathers or len(self._ended) >= MOST:
            self._tell()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(GATHER, self.settle)

    def settle(self) -> None:
        """Tell of all that have ended; by the event loop alone."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._tell()

    def close(self) -> None:
        """What ends after this, when the loop is about to, is told of at once."""
        self._gathers = False
        self.settle()

    def _tell(self) -> None:
        ended, self._ended = self._ended, []
        for exchange, decided, at in ended:
            self._count(exchange)
            self._write(exchange, decided, at)

    def _write(self, exchange: Answered, decided: Verdict | None, at: int) -> None:
        if self._access_log is not None:
            self._access_log.write(exchange, decided, at)

    def _count(self, exchange: Answered) -> None:
        key = (exchange.method, exchange.endpoint, exchange.status)
        count, seconds, received, sent = self._routes.get(key) or self._new(key)
        count.inc()
        seconds.observe(exchange.seconds)
        received.observe(exchange.received)
        sent.observe(exchange.sent)

    def _new(self, key: tuple[str, str, int]) -> Children:
        method, endpoint, status = key
        found = self._routes[key] = (
            self._instruments.requests.labels(method, endpoint, str(status)),
            self._instruments.request_seconds.labels(method, endpoint, f"{status // 100}xx"),
            self._instruments.request_bytes.labels(method, endpoint),
            self._instruments.response_bytes.labels(method, endpoint),
        )
        return found
