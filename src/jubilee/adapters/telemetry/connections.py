"""Metrics of client connections."""

from jubilee.adapters.telemetry.instruments import Instruments
from jubilee.observation.requests import ConnectionObserver, EndReason


class ConnectionTelemetry(ConnectionObserver):
    """Counts open connections and those that the service closed."""

    def __init__(self, instruments: Instruments) -> None:
        self._open = instruments.connections
        self._ended = instruments.connections_ended
        for reason in EndReason:  # at 0 from the start, so that a first one is an increase
            self._ended.labels(reason)

    def connections_open(self, count: int) -> None:
        self._open.set(count)

    def connection_ended(self, reason: str) -> None:
        self._ended.labels(reason).inc()
