"""The sweeper: ends or queues again the jobs of workers that died."""

from dataclasses import dataclass

from jubilee.domain.jobs.cancellation import JobCanceller
from jubilee.domain.jobs.retries import lease_expired_error
from jubilee.domain.jobs.store import DueJobStore


@dataclass(frozen=True, slots=True)
class LeaseSweeper:
    """Handles expired leases; any number of sweepers may run at once."""

    due_jobs: DueJobStore
    canceller: JobCanceller

    async def sweep(self, *, limit: int) -> int:
        """Handle `limit` leases at most of each sort; return how many.

        Jobs whose cancellation is requested are cancelled one by one, with the rows of their kinds.
        """
        ended = await self.due_jobs.expire_leases(limit=limit)
        for job in await self.due_jobs.expired_cancellations(limit=limit):
            ended += await self.canceller.cancel(job, lease_expired_error())
        return ended
