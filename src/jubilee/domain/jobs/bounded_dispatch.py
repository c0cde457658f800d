"""Bounded dispatch: the queues get as many due jobs as the workers start soon, never a backlog.

A backlog that is pushed to Redis as a whole costs an update, a message and a check of that message
for each of its jobs, at the expense of those that run: a worker with 200 000 due jobs ran 480 a
second instead of 700. It stays in PostgreSQL, where an index keeps it in order.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from math import inf

from jubilee.domain.jobs.kinds import JobKinds, JobQueueName
from jubilee.domain.jobs.redelivery import LostMessageCheck
from jubilee.domain.jobs.store import DueJobStore, JobDispatcher

BATCH_SIZE = 500
MESSAGES_PER_SLOT = 4
"""Of a queue, for each slot of this worker: at 1500 jobs a second on 20 slots they last 50 ms."""

SUMMARY_INTERVAL_S = 0.9  # while room is awaited, which there is up to 40 times a second
FRUITLESS_PAUSE_S = 0.1
"""After a due job was found that could not be marked: it is locked, or its queue is full."""


class BoundedDispatch:
    """Dispatches due jobs while their queues have room; else waits for jobs, or for room."""

    def __init__(
        self,
        due_jobs: DueJobStore,
        dispatcher: JobDispatcher,
        kinds: JobKinds,
        redelivery: LostMessageCheck,
        slots: Mapping[JobQueueName, int],
    ) -> None:
        """`slots` is the number of jobs of each queue that this worker runs at the same time."""
        self._due_jobs = due_jobs
        self._dispatcher = dispatcher
        self._kinds = kinds
        self._redelivery = redelivery
        self._limits = {queue: MESSAGES_PER_SLOT * number for queue, number in slots.items()}
        self._batch = min(BATCH_SIZE, sum(self._limits.values()))
        self._monotonic = redelivery.monotonic
        self._room = asyncio.Event()
        self._has_more = self._is_full = self._was_found = False
        self._summary_at, self._next_due_at = -inf, inf

    def refill(self) -> None:
        """Dispatch again, if there was no room before: a queue is about to run empty."""
        self._room.set()

    async def run(self) -> int:
        """Dispatch jobs, marked and committed first: a crash delays them, but loses none.

        While more are due than there is room for, new jobs wait for their turn as well.
        """
        self._room.clear()
        known = self._kinds.known
        full = await self._dispatcher.full_levels(known, self._limits)
        marked = await self._due_jobs.mark_due(self._kinds.names, limit=self._batch, full=full)
        if marked:
            await self._dispatcher.send(marked, known)
        self._has_more, self._is_full = len(marked) == self._batch, bool(full)
        behind = {queue for queue, _ in full}
        if self._has_more:
            behind |= {dispatch.queue for dispatch in marked}
        if behind:
            await self._dispatcher.hold_back(behind, known)
        self._was_found = self._was_found and not marked
        return len(marked)

    async def wait(self, longest: float) -> float:
        """Wait until there may be jobs to dispatch, `longest` seconds at most.

        Sends lost messages again before. Returns the seconds that the caller still has to wait.
        """
        if self._has_more:
            return 0.0
        seconds = min(await self._seconds_to_next(), longest)
        if self._is_full:
            # The next due time is as of the last summary: once it has passed, it stays passed.
            with suppress(TimeoutError):
                async with asyncio.timeout(max(seconds, FRUITLESS_PAUSE_S)):
                    await self._room.wait()
            return 0.0
        if self._was_found:
            self._was_found = False
            return min(seconds, FRUITLESS_PAUSE_S)
        began = self._monotonic()
        self._was_found = await self._due_jobs.wait_for_due(self._kinds.known, seconds)
        return 0.0 if self._was_found else max(began + seconds - self._monotonic(), 0.0)

    async def _seconds_to_next(self) -> float:
        """Send lost messages again; return the seconds until the next job is due."""
        now = self._monotonic()
        if not self._is_full or now - self._summary_at >= SUMMARY_INTERVAL_S:
            summary = await self._due_jobs.due_summary(self._kinds.names)
            if summary.has_unclaimed:
                await self._redelivery.run()
            self._summary_at = now
            self._next_due_at = inf if summary.next_due is None else now + summary.next_due
        return max(self._next_due_at - now, 0.0)
