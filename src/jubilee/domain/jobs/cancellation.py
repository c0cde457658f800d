"""Cancelling a job after its claim: its end, and the end of the rows that its kind keeps for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jubilee.domain.jobs.kinds import JobKinds
from jubilee.domain.jobs.store import ClaimedJob, ExpiredJob, LeaseLost, OpenCancellation


@dataclass(frozen=True, slots=True)
class JobCanceller:
    """Cancels claimed jobs.

    `kinds` are all kinds that keep rows for their jobs, even those that this process does not run:
    any worker may have to cancel the job of one that died.
    """

    kinds: JobKinds
    open_cancellation: OpenCancellation[Any]

    async def cancel(
        self, job: ClaimedJob | ExpiredJob, error: Mapping[str, object] | None = None
    ) -> bool:
        """End the job and the rows of its kind in one transaction; return whether it still ran.

        `error` is that of the last attempt; None keeps an earlier one.
        """
        kind = self.kinds.find(job.kind)
        try:
            async with self.open_cancellation(job.reference, error) as tx:
                if kind is not None and job.data is not None:
                    await kind.close(job.data, tx)
        except LeaseLost:
            return False
        return True
