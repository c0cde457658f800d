"""The relay: what is due is dispatched, what was let go of is taken up again."""

from collections.abc import Sequence
from dataclasses import dataclass

from jubilee.domain.events import EventRelay
from jubilee.domain.jobs.kinds import JobKinds
from jubilee.domain.jobs.redelivery import LostMessageCheck
from jubilee.domain.jobs.store import Dispatch, DueJobs, JobDispatcher

BATCH = 500


@dataclass(frozen=True, slots=True)
class Relay:
    """Every worker has one; any number of them share the work without knowing each other."""

    due_jobs: DueJobs
    events: EventRelay
    dispatcher: JobDispatcher
    kinds: JobKinds
    redelivery: LostMessageCheck
    retention_days: float

    async def dispatch(self) -> int:
        """Send what is due: marked and committed first, so a crash costs seconds, never a job."""
        marked: Sequence[Dispatch] = await self.due_jobs.mark_due(self.kinds.names, limit=BATCH)
        if marked:
            await self.dispatcher.send(marked, self.kinds.known)
        return len(marked)

    async def sweep(self) -> int:
        """Take up what a worker has let go of."""
        return await self.due_jobs.expire_leases(limit=BATCH)

    async def publish(self) -> int:
        """Turn facts into one job a subscriber."""
        return await self.events.publish(limit=BATCH)

    async def prune(self) -> int:
        """Remove what has ended long ago: one batch."""
        days = self.retention_days
        jobs = await self.due_jobs.prune(days=days, limit=BATCH)
        return jobs + await self.events.prune(days=days, limit=BATCH)

    async def seconds_to_next(self, longest: float) -> float:
        """Seconds until there may be something to dispatch; lost messages are sent again first."""
        outlook = await self.due_jobs.outlook(self.kinds.names)
        if outlook.has_unclaimed:
            await self.redelivery.run()
        seconds = outlook.next_due
        return longest if seconds is None else min(max(seconds, 0.0), longest)
