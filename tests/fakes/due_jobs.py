"""Jobs in memory, as the relay sees them, and queues that tests empty."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import random
from uuid import UUID

from jubilee.domain.jobs.kinds import JobQueueName, KindSet
from jubilee.domain.jobs.queue import MAX_PRIORITY
from jubilee.domain.jobs.retries import (
    MAX_CRASHES,
    lease_expired_error,
    max_crash_backoff,
    max_crashes_error,
)
from jubilee.domain.jobs.store import (
    UNCLAIMED_AFTER_S,
    Dispatch,
    DueJobPosition,
    DueJobStore,
    DueSummary,
    ExpiredJob,
    JobDispatcher,
    QueueLevel,
    UnclaimedPage,
)
from tests.fakes.job_table import FakeJob, FakeJobTable

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class FakeDueJobs(DueJobStore):
    """The queries of the relay."""

    table: FakeJobTable
    max_crashes: int = MAX_CRASHES

    async def mark_due(
        self, kinds: Collection[str], *, limit: int, full: Collection[QueueLevel] = ()
    ) -> Sequence[Dispatch]:
        now, due = self.table.now, self._undispatched(kinds)
        due = sorted((job for job in due if (job.queue, job.priority) not in full), key=_order)
        for job in due[:limit]:
            job.dispatched_at = now
        return [_dispatch(job) for job in due[:limit]]

    async def wait_for_due(self, kinds: KindSet, seconds: float) -> bool:
        return bool(self._undispatched(kinds.names))

    def _undispatched(self, kinds: Collection[str]) -> list[FakeJob]:
        queued = [job for job in self._queued(kinds) if job.run_at <= self.table.now]
        return [job for job in queued if job.dispatched_at is None]

    async def unclaimed(
        self, kinds: Collection[str], *, after: DueJobPosition | None, limit: int
    ) -> UnclaimedPage:
        waiting = sorted(self._unclaimed(kinds), key=_position)
        page = [job for job in waiting if after is None or _position(job) > after][:limit]
        last = _position(page[-1]) if len(page) == limit else None
        return UnclaimedPage([_dispatch(job) for job in page], last)

    def _unclaimed(self, kinds: Collection[str]) -> list[FakeJob]:
        before = self.table.now - UNCLAIMED_AFTER_S
        dispatched = [job for job in self._queued(kinds) if job.dispatched_at is not None]
        return [job for job in dispatched if (job.dispatched_at or 0.0) < before]

    async def expire_leases(self, *, limit: int) -> int:
        self.table.check()
        now = self.table.now
        lost = [
            job
            for job in self.table.rows.values()
            if job.lease_until is not None and job.lease_until < now and not job.cancel_requested
        ]
        for job in lost[:limit]:
            job.crashes += 1
            crashed = job.crashes >= self.max_crashes
            job.error = max_crashes_error(self.max_crashes) if crashed else lease_expired_error()
            if crashed or job.attempts >= job.max_attempts:
                self.table.end(job, "dead")
            else:
                self.table.requeue(job, max_crash_backoff(job.crashes) * random())
        return len(lost[:limit])

    async def expired_cancellations(self, *, limit: int) -> Sequence[ExpiredJob]:
        self.table.check()
        expired = sorted(
            (job.lease_until, job.id)
            for job in self.table.rows.values()
            if job.cancel_requested and job.lease_until and job.lease_until < self.table.now
        )
        jobs = [self.table.rows[job_id] for _, job_id in expired[:limit]]
        return [ExpiredJob(job.reference, job.kind, job.data) for job in jobs]

    async def prune(self, *, days: float, limit: int) -> int:
        self.table.check()
        before = self.table.now - days * 86_400
        ended = [job for job in self.table.rows.values() if job.finished_at is not None]
        old = [job for job in ended if (job.finished_at or 0.0) < before][:limit]
        for job in old:
            del self.table.rows[job.id]
        return len(old)

    async def due_summary(self, kinds: Collection[str]) -> DueSummary:
        now = self.table.now
        ahead = [job.run_at - now for job in self._queued(kinds) if job.run_at > now]
        return DueSummary(min(ahead, default=None), bool(self._unclaimed(kinds)))

    def _queued(self, kinds: Collection[str]) -> list[FakeJob]:
        self.table.check()
        jobs = self.table.rows.values()
        return [job for job in jobs if job.status == "queued" and job.kind in kinds]


def _order(job: FakeJob) -> tuple[int, float, UUID]:
    return job.priority, job.run_at, job.id


def _position(job: FakeJob) -> DueJobPosition:
    return EPOCH + timedelta(seconds=job.dispatched_at or 0.0), job.id


def _dispatch(job: FakeJob) -> Dispatch:
    return Dispatch(job.reference, job.queue, job.priority, job.kind)


@dataclass(slots=True)
class FakeDispatcher(JobDispatcher):
    """Record what is sent; tests empty its queues."""

    sent: list[Dispatch] = field(default_factory=list)
    queues: dict[KindSet, list[Dispatch]] = field(default_factory=dict)
    held: set[JobQueueName] = field(default_factory=set)
    failures: list[Exception] = field(default_factory=list)
    """Errors that the next calls raise."""

    async def send(self, dispatches: Sequence[Dispatch], to: KindSet) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.sent.extend(dispatches)
        self.queues.setdefault(to, []).extend(dispatches)

    async def offer(self, dispatches: Sequence[Dispatch], to: KindSet) -> None:
        await self.send([one for one in dispatches if one.queue not in self.held], to)

    async def hold_back(self, queues: Collection[JobQueueName], to: KindSet) -> None:
        self.held.update(queues)

    async def full_levels(
        self, to: KindSet, limits: Mapping[JobQueueName, int]
    ) -> Collection[QueueLevel]:
        waiting = [(one.queue, one.priority) for one in self.queues.get(to, ())]
        return [
            (queue, level)
            for queue, limit in limits.items()
            for level in range(MAX_PRIORITY + 1)
            if sum(q is queue and priority <= level for q, priority in waiting) >= limit
        ]

    async def missing(self, dispatches: Sequence[Dispatch], to: KindSet) -> Sequence[Dispatch]:
        if self.failures:
            raise self.failures.pop(0)
        return [one for one in dispatches if one not in self.queues.get(to, ())]
