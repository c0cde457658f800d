"""Connections ended by the service: each is counted, and logged in batches."""

import logging
from collections import Counter
from time import monotonic

from jubilee.observation.requests import ConnectionObserver, EndReason

LOG_INTERVAL_S = 10.0

logger = logging.getLogger(__name__)


class EndedConnections:
    """Counts ended connections; logs at most one line every `LOG_INTERVAL_S`."""

    def __init__(self, observer: ConnectionObserver) -> None:
        """`observer` is called for each ended connection."""
        self._observer = observer
        self._unlogged: Counter[str] = Counter()
        self._logged_at = -LOG_INTERVAL_S

    def add(self, reason: EndReason) -> None:
        """Count an ended connection."""
        self._observer.connection_ended(reason)
        self._unlogged[reason.value] += 1

    def sample(self, count: int) -> None:
        """Report the number of open connections; log the ended ones if a line is due."""
        self._observer.connections_open(count)
        if self._unlogged and monotonic() - self._logged_at >= LOG_INTERVAL_S:
            self._logged_at = monotonic()
            logger.warning("connections ended by the service", extra=dict(self._unlogged))
            self._unlogged.clear()
