"""Jobs in memory, as the worker that runs them sees them."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from jubilee.domain.jobs.store import (
    AttemptFailure,
    ClaimedJob,
    HeartbeatResult,
    JobReference,
    JobStore,
)
from tests.fakes.job_table import FakeJobTable

LEASE_S = 30.0


@dataclass(slots=True)
class FakeJobStore(JobStore):
    """The job store of one worker."""

    table: FakeJobTable
    lease: float = LEASE_S
    kinds: Collection[str] | None = None
    """The kinds that it may claim; None for all."""
    calls: list[str] = field(default_factory=list)

    async def claim(self, reference: JobReference) -> ClaimedJob | None:
        self.calls.append("claim")
        self.table.check()
        job = self.table.rows.get(reference.id)
        if job is None or job.reference != reference or job.status != "queued":
            return None
        if job.run_at > self.table.now or (self.kinds is not None and job.kind not in self.kinds):
            return None
        job.status, job.lease_until = "running", self.table.now + self.lease
        job.attempts, job.epoch = job.attempts + 1, job.epoch + 1
        return ClaimedJob(
            id=job.id,
            epoch=job.epoch,
            kind=job.kind,
            data=job.data,
            attempt=job.attempts,
            max_attempts=job.max_attempts,
            owner_id=None,
            by_admin=True,
            correlation_id=None,
            trace_context=None,
        )

    async def heartbeat(self, held: Sequence[JobReference]) -> Mapping[UUID, HeartbeatResult]:
        self.calls.append("heartbeat")
        self.table.check()
        ours = [job for reference in held if (job := self.table.held(reference))]
        for job in ours:
            job.lease_until = self.table.now + self.lease
        return {
            job.id: HeartbeatResult.CANCEL if job.cancel_requested else HeartbeatResult.OURS
            for job in ours
        }

    async def fail(self, reference: JobReference, failure: AttemptFailure) -> bool:
        self.calls.append("fail")
        job = self.table.held(reference)
        if job is None or (job.cancel_requested and failure.retry_in is not None):
            return False
        job.error = failure.error
        if failure.retry_in is None:
            self.table.end(job, "dead")
        else:
            self.table.requeue(job, failure.retry_in)
        return True

    async def release(self, reference: JobReference, *, wait: float) -> bool:
        self.calls.append("release")
        job = self.table.held(reference)
        if job is None or job.cancel_requested:
            return False
        job.attempts -= 1
        self.table.requeue(job, wait)
        return True

    async def save_progress(self, reference: JobReference, progress: Mapping[str, object]) -> None:
        job = self.table.held(reference)
        if job is not None:
            job.progress = json.loads(json.dumps(dict(progress)))
