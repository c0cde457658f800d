"""Telling the courier of new jobs at once, without making anybody wait for it."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress

from jubilee.domain.jobs.routing import JobRouter
from jubilee.domain.jobs.store import Dispatch, JobDispatcher

CAPACITY = 10_000  # jobs; what does not fit, the relay finds
BATCH = 500
PAUSE_S = 1.0  # seconds after the courier failed


class DispatchBuffer:
    """A bounded queue that one task empties; what it loses, the relay finds."""

    def __init__(self, dispatcher: JobDispatcher, router: JobRouter) -> None:
        self._dispatcher = dispatcher
        self._router = router
        self._queue: asyncio.Queue[Dispatch] = asyncio.Queue(CAPACITY)

    def dispatch_soon(self, dispatches: Iterable[Dispatch]) -> None:
        """Call after the commit; never waits, never fails."""
        with suppress(asyncio.QueueFull):
            for dispatch in dispatches:
                self._queue.put_nowait(dispatch)

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            batch = [await self._queue.get()]
            while not self._queue.empty() and len(batch) < BATCH:
                batch.append(self._queue.get_nowait())
            try:
                for queue, dispatches in (await self._router.route(batch)).items():
                    await self._dispatcher.send(dispatches, queue)
            except Exception:  # whatever it was: this goes on, and the relay finds them
                await asyncio.sleep(PAUSE_S)
