"""Metrics of client connections."""

from jubilee.adapters.telemetry.instruments import Instruments
from jubilee.observation.requests import ConnectionObserver


class ConnectionTelemetry(ConnectionObserver):
    """Counts open connections and those that the service closed."""

    def __init__(self, instruments: Instruments) -> None:
        self._open = instruments.connections
        self._ended = instruments.connections_ended

    def connections_open(self, count: int) -> None:
        self._open.set(count)

    def connection_ended(self, reason: str) -> None:
        self._ended.labels(reason).inc()
