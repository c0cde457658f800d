"""The relay: dispatches due jobs, expires leases, publishes events, prunes ended rows."""

from dataclasses import dataclass

from jubilee.domain.events import EventRelay
from jubilee.domain.jobs.bounded_dispatch import BATCH_SIZE, BoundedDispatch
from jubilee.domain.jobs.store import DueJobStore
from jubilee.domain.jobs.sweeper import LeaseSweeper


@dataclass(frozen=True, slots=True)
class Relay:
    """Periodic work of every worker; any number of relays may run at once."""

    due_jobs: DueJobStore
    events: EventRelay
    bounded_dispatch: BoundedDispatch
    sweeper: LeaseSweeper
    retention_days: float

    async def dispatch(self) -> int:
        """Dispatch due jobs while the queues have room; return how many."""
        return await self.bounded_dispatch.run()

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
        """Wait for jobs to dispatch; return the seconds to wait still, `longest` at most."""
        return await self.bounded_dispatch.wait(longest)
