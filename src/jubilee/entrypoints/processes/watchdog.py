"""Ends the process when its event loop is blocked, so that a supervisor restarts it."""

import asyncio
import logging
import os
import threading
from time import monotonic

from jubilee.entrypoints.processes.heartbeat_file import TOUCH_INTERVAL_S, HeartbeatFile

EXIT_STUCK = 70  # EX_SOFTWARE

logger = logging.getLogger(__name__)


class Watchdog:
    """A thread that checks that the event loop still runs.

    A job that blocks the loop keeps the worker from renewing any of its leases: other workers run
    its jobs by then, and only a restart makes this process useful again. An API of several
    processes is checked by the same means: a probe of the port is answered by any of them.
    """

    def __init__(self, limit: float, heartbeat: HeartbeatFile | None = None) -> None:
        """`limit` is how long the loop may be blocked, in seconds.

        `heartbeat` shows health checks that the loop runs, long before the limit.
        """
        self._limit = limit
        self._heartbeat = heartbeat
        self._seen = monotonic()
        self._over = threading.Event()

    def create_heartbeat(self) -> None:
        """Create the heartbeat file, which `run` removes at its end; raises OSError."""
        if self._heartbeat:
            self._heartbeat.create()

    async def run(self) -> None:
        """Record that the loop runs, until cancelled."""
        threading.Thread(target=self._watch, daemon=True, name="watchdog").start()
        try:
            while True:
                self._seen = monotonic()
                if self._heartbeat:
                    self._heartbeat.touch()
                await asyncio.sleep(min(self._limit / 10, TOUCH_INTERVAL_S))
        finally:
            self._over.set()
            if self._heartbeat:
                self._heartbeat.remove()

    def _watch(self) -> None:
        while monotonic() - self._seen < self._limit:
            before = monotonic()
            if self._over.wait(self._limit / 10):
                return
            if monotonic() - before > self._limit / 2:
                self._seen = monotonic()  # the whole process was suspended, not only its loop
        logger.critical("exiting: the event loop is blocked", extra={"seconds": self._limit})
        logging.shutdown()  # os._exit runs no exit handlers
        os._exit(EXIT_STUCK)
