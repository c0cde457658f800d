"""Connections that the service itself ended: counted each, logged a few at a time."""

import logging
from collections import Counter
from enum import StrEnum
from time import monotonic

from jubilee.observation.requests import ConnectionObserver

LOG_INTERVAL_S = 10.0

logger = logging.getLogger(__name__)


class EndReason(StrEnum):
    """Why a connection was ended."""

    LIMIT = "limit"
    HEAD_TIMEOUT = "head_timeout"
    BODY_TIMEOUT = "body_timeout"
    READ_TIMEOUT = "read_timeout"


class EndedConnections:
    """Counts the ends of connections; a flood of them is one line every `LOG_INTERVAL_S`."""

    def __init__(self, observer: ConnectionObserver) -> None:
        """`observer` is told of each."""
        self._observer = observer
        self._unlogged: Counter[str] = Counter()
        self._logged_at = -LOG_INTERVAL_S

    def add(self, reason: EndReason) -> None:
        """Count one."""
        self._observer.connection_ended(reason)
        self._unlogged[reason.value] += 1

    def sample(self, count: int) -> None:
        """Pass on how many connections are open, and log what ended unless a line is recent."""
        self._observer.connections_open(count)
        if self._unlogged and monotonic() - self._logged_at >= LOG_INTERVAL_S:
            self._logged_at = monotonic()
            logger.warning("connections ended by the service", extra=dict(self._unlogged))
            self._unlogged.clear()
