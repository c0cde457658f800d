"""Sending again what Redis lost: jobs that were dispatched and are in no queue."""

from math import inf
from time import monotonic

from jubilee.domain.jobs.kinds import JobKinds
from jubilee.domain.jobs.store import DueJobs, JobDispatcher, Position

BATCH = 500
CHECK_INTERVAL_S = 0.9  # shorter than a round of the relay


class LostMessageCheck:
    """Compares the jobs that wait in PostgreSQL with the messages that Redis holds.

    A job that waits behind others is left alone, however long that takes: only a message that is
    missing is sent again. So a lost one is found within seconds, and a long queue costs one page of
    reading a second instead of an update of every row in it. Pages follow each other, so that a
    message lost in the middle of a long queue is found as well.
    """

    def __init__(self, due: DueJobs, dispatcher: JobDispatcher, kinds: JobKinds) -> None:
        self._due = due
        self._dispatcher = dispatcher
        self._kinds = kinds
        self._after: Position | None = None
        self._checked_at = -inf

    async def run(self) -> None:
        """Check a page, and go on for as long as messages are missing. Raises Unavailable."""
        if monotonic() - self._checked_at < CHECK_INTERVAL_S:
            return
        while await self._check_page():
            pass
        self._checked_at = monotonic()

    async def _check_page(self) -> bool:
        """Whether the next page has to be checked at once."""
        page = await self._due.unclaimed(self._kinds.names, after=self._after, limit=BATCH)
        missing = await self._dispatcher.missing(page.dispatches, self._kinds.known)
        if missing:
            await self._dispatcher.send(missing, self._kinds.known)
        self._after = page.next
        return bool(missing) and page.next is not None
