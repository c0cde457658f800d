"""Dispatches new jobs right after the commit, without delaying the caller."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress

from jubilee.domain.jobs.routing import JobRouter
from jubilee.domain.jobs.store import Dispatch, JobDispatcher

MAX_BUFFERED_JOBS = 10_000  # the relay dispatches those that do not fit
BATCH_SIZE = 500
PAUSE_S = 1.0  # after a failed dispatch


class DispatchBuffer:
    """A bounded buffer of dispatches, sent by one task; the relay dispatches what it leaves out."""

    def __init__(self, dispatcher: JobDispatcher, router: JobRouter) -> None:
        self._dispatcher = dispatcher
        self._router = router
        self._queue: asyncio.Queue[Dispatch] = asyncio.Queue(MAX_BUFFERED_JOBS)

    def dispatch_soon(self, dispatches: Iterable[Dispatch]) -> None:
        """Buffer the dispatches of committed jobs; never waits, never raises."""
        with suppress(asyncio.QueueFull):
            for dispatch in dispatches:
                self._queue.put_nowait(dispatch)

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            batch = [await self._queue.get()]
            while not self._queue.empty() and len(batch) < BATCH_SIZE:
                batch.append(self._queue.get_nowait())
            try:
                for queue, dispatches in (await self._router.route(batch)).items():
                    await self._dispatcher.offer(dispatches, queue)
            except Exception:  # keep running: the relay dispatches these jobs
                await asyncio.sleep(PAUSE_S)
