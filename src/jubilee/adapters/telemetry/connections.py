"""Connections of clients: how many are open, and how many the service ended itself."""

from jubilee.adapters.telemetry.instruments import Instruments
from jubilee.observation.requests import ConnectionObserver


class ConnectionTelemetry(ConnectionObserver):
    """Counts connections."""

    def __init__(self, instruments: Instruments) -> None:
        self._open = instruments.connections
        self._ended = instruments.connections_ended

    def connections_open(self, count: int) -> None:
        """So many are open now."""
        self._open.set(count)

    def connection_ended(self, reason: str) -> None:
        """The service has ended one, or refused it."""
        self._ended.labels(reason).inc()
