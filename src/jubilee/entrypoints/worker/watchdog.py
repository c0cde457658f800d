"""Ends the process when its event loop stands still: a supervisor starts it anew."""

import asyncio
import logging
import os
import threading
from time import monotonic

EXIT_STUCK = 70  # EX_SOFTWARE

logger = logging.getLogger(__name__)


class Watchdog:
    """A thread that looks whether the loop still turns.

    A job that blocks the loop keeps every lease of its worker from being renewed; others run
    those jobs by then, and this process is of no use until it is started anew.
    """

    def __init__(self, limit: float) -> None:
        """`limit` counts the seconds for which the loop may stand still."""
        self._limit = limit
        self._seen = monotonic()
        self._over = threading.Event()

    async def run(self) -> None:
        """Turn, until cancelled."""
        threading.Thread(target=self._watch, daemon=True, name="watchdog").start()
        try:
            while True:
                self._seen = monotonic()
                await asyncio.sleep(self._limit / 10)
        finally:
            self._over.set()

    def _watch(self) -> None:
        while monotonic() - self._seen < self._limit:
            before = monotonic()
            if self._over.wait(self._limit / 10):
                return
            if monotonic() - before > self._limit / 2:
                self._seen = monotonic()  # the whole process was asleep, not its loop alone
        logger.critical("ending: the event loop stood still", extra={"seconds": self._limit})
        logging.shutdown()  # what follows lets nobody else tidy up
        os._exit(EXIT_STUCK)
