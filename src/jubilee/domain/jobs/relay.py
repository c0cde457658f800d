"""The relay: dispatches due jobs, expires leases, publishes events, prunes ended rows."""

from dataclasses import dataclass

from jubilee.domain.events import EventRelay
from jubilee.domain.jobs.kinds import JobKinds
from jubilee.domain.jobs.redelivery import LostMessageCheck
from jubilee.domain.jobs.store import DueJobStore, JobDispatcher
from jubilee.domain.jobs.sweeper import LeaseSweeper

BATCH_SIZE = 500


@dataclass(frozen=True, slots=True)
class Relay:
    """Periodic work of every worker; any number of relays may run at once."""

    due_jobs: DueJobStore
    events: EventRelay
    dispatcher: JobDispatcher
    kinds: JobKinds
    redelivery: LostMessageCheck
    sweeper: LeaseSweeper
    retention_days: float

    async def dispatch(self) -> int:
        """Dispatch due jobs, marked and committed first: a crash delays them, but loses none."""
        marked = await self.due_jobs.mark_due(self.kinds.names, limit=BATCH_SIZE)
        if marked:
            await self.dispatcher.send(marked, self.kinds.known)
        return len(marked)

    async def sweep(self) -> int:
        """Release or end the jobs whose lease has expired; return how many."""
        return await self.sweeper.sweep(limit=BATCH_SIZE)

    async def publish(self) -> int:
        """Turn events into one job per subscriber; return the number of events."""
        return await self.events.publish(limit=BATCH_SIZE)

    async def prune(self) -> int:
        """Delete one batch of jobs and events that ended before the retention period."""
        days = self.retention_days
        jobs = await self.due_jobs.prune(days=days, limit=BATCH_SIZE)
        return jobs + await self.events.prune(days=days, limit=BATCH_SIZE)

    async def seconds_to_next(self, longest: float) -> float:
        """Redeliver lost messages; return the seconds until a job is due, `longest` at most."""
        summary = await self.due_jobs.due_summary(self.kinds.names)
        if summary.has_unclaimed:
            await self.redelivery.run()
        seconds = summary.next_due
        return longest if seconds is None else min(max(seconds, 0.0), longest)
