"""Redelivery: sends again the dispatched jobs whose message is in no queue."""

from collections.abc import Callable
from math import inf

from jubilee.domain.clock import Monotonic
from jubilee.domain.jobs.kinds import JobKinds
from jubilee.domain.jobs.store import DueJobPosition, DueJobReader, JobDispatcher

BATCH_SIZE = 500
CHECK_INTERVAL_S = 0.9  # less than the relay's interval of one second


class LostMessageCheck:
    """Compares the dispatched jobs in the database with the messages in the queues.

    Only missing messages are sent again, however long a job has waited behind others. A lost one
    is found within seconds, and a long queue costs one page of reading a second instead of an
    update of each of its rows. Each call continues at the next page, so that a message lost in
    the middle of a long queue is found as well.
    """

    def __init__(
        self,
        due: DueJobReader,
        dispatcher: JobDispatcher,
        kinds: JobKinds,
        monotonic: Monotonic,
        dispatched: Callable[[int], None],
    ) -> None:
        """`dispatched` is called with the number of jobs that were sent again."""
        self._due = due
        self._dispatcher = dispatcher
        self._kinds = kinds
        self.monotonic = monotonic
        self._dispatched = dispatched
        self._after: DueJobPosition | None = None
        self._checked_at = -inf

    async def run(self) -> None:
        """Check one page, and further pages while messages are missing. Raises Unavailable."""
        if self.monotonic() - self._checked_at < CHECK_INTERVAL_S:
            return
        while await self._check_page():
            pass
        self._checked_at = self.monotonic()

    async def _check_page(self) -> bool:
        """Check one page; return whether to check the next one at once."""
        page = await self._due.unclaimed(self._kinds.names, after=self._after, limit=BATCH_SIZE)
        missing = await self._dispatcher.missing(page.dispatches, self._kinds.known)
        if missing:
            await self._dispatcher.send(missing, self._kinds.known)
            self._dispatched(len(missing))
        self._after = page.next
        return bool(missing) and page.next is not None
