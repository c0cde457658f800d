"""The table of jobs in memory with its own clock, as workers and relays use it."""

import json
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import random
from uuid import UUID

from jubilee.adapters.ids import new_id
from jubilee.domain.errors import Unavailable
from jubilee.domain.jobs.kinds import JobQueueName, KindSet
from jubilee.domain.jobs.queue import JobQueue, NewJob
from jubilee.domain.jobs.retries import (
    MAX_CRASHES,
    lease_expired_error,
    max_crash_backoff,
    max_crashes_error,
)
from jubilee.domain.jobs.store import (
    UNCLAIMED_AFTER_S,
    AttemptFailure,
    ClaimedJob,
    Dispatch,
    DueJobPosition,
    DueJobStore,
    DueSummary,
    HeartbeatResult,
    JobDispatcher,
    JobReference,
    JobStore,
    LeaseLost,
    UnclaimedPage,
)

LEASE_S = 30.0
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(slots=True, kw_only=True)
class FakeJob:
    """A row; its times are seconds of the table's clock."""

    id: UUID = field(default_factory=new_id)
    kind: str = "echo"
    data: Mapping[str, object] | None = field(default_factory=dict)
    queue: JobQueueName = JobQueueName.USER
    priority: int = 5
    status: str = "queued"
    attempts: int = 0
    crashes: int = 0
    max_attempts: int = 10
    epoch: int = 0
    run_at: float = 0.0
    dispatched_at: float | None = None
    lease_until: float | None = None
    cancel_requested: bool = False
    finished_at: float | None = None
    progress: Mapping[str, object] | None = None
    result: Mapping[str, object] | None = None
    error: Mapping[str, object] | None = None

    @property
    def reference(self) -> JobReference:
        """The id and the current epoch."""
        return JobReference(self.id, self.epoch)


@dataclass(slots=True)
class FakeJobTable:
    """All jobs, and the clock of the database."""

    now: float = 0.0
    rows: dict[UUID, FakeJob] = field(default_factory=dict)
    away: bool = False
    """Whether every call raises Unavailable."""

    def add(self, **values: object) -> FakeJob:
        job = FakeJob(**values)  # type: ignore[arg-type]  # the test says which
        self.rows[job.id] = job
        return job

    def held(self, reference: JobReference) -> FakeJob | None:
        """Return the job if it runs at this epoch."""
        self.check()
        job = self.rows.get(reference.id)
        ours = job is not None and job.epoch == reference.epoch and job.status == "running"
        return job if ours else None

    def check(self) -> None:
        if self.away:
            raise Unavailable

    def end(self, job: FakeJob, status: str) -> None:
        job.status, job.finished_at, job.lease_until = status, self.now, None

    def requeue(self, job: FakeJob, wait: float) -> None:
        job.run_at, job.dispatched_at, job.lease_until = self.now + wait, None, None
        job.status = "cancelled" if job.cancel_requested else "queued"
        job.finished_at = self.now if job.cancel_requested else None


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
        if job is None:
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
        if job is None:
            return False
        job.attempts -= 1
        self.table.requeue(job, wait)
        return True

    async def save_progress(self, reference: JobReference, progress: Mapping[str, object]) -> None:
        job = self.table.held(reference)
        if job is not None:
            job.progress = json.loads(json.dumps(dict(progress)))


@dataclass(slots=True)
class FakeCompletionTransaction(JobQueue):
    """The jobs that a kind adds; they are stored when the completion commits."""

    added: list[NewJob] = field(default_factory=list)

    @property
    def jobs(self) -> JobQueue:
        return self

    async def add(self, job: NewJob) -> None:
        self.added.append(job)


@dataclass(slots=True)
class FakeCompletion:
    """Complete a job and add the jobs of its kind, both or neither."""

    table: FakeJobTable
    reply_lost: bool = False
    """Whether a commit is followed by Unavailable."""

    @asynccontextmanager
    async def __call__(
        self,
        reference: JobReference,
        result: Mapping[str, object] | None,
        *,
        cancelled: bool = False,
    ) -> AsyncIterator[FakeCompletionTransaction]:
        document = None if result is None else json.loads(json.dumps(dict(result)))
        job = self.table.held(reference)
        if job is None:
            raise LeaseLost
        tx = FakeCompletionTransaction()
        yield tx
        self.table.check()
        self.table.end(job, "cancelled" if cancelled else "succeeded")
        job.result, job.error = document, job.error if cancelled else None
        for new in tx.added:
            self.table.add(id=new.id, kind=new.kind, data=new.data)
        if self.reply_lost:
            raise Unavailable


@dataclass(slots=True)
class FakeDueJobs(DueJobStore):
    """The queries of the relay."""

    table: FakeJobTable
    max_crashes: int = MAX_CRASHES

    async def mark_due(self, kinds: Collection[str], *, limit: int) -> Sequence[Dispatch]:
        now = self.table.now
        due = [
            job for job in self._queued(kinds) if job.run_at <= now and job.dispatched_at is None
        ]
        due.sort(key=_position)
        for job in due[:limit]:
            job.dispatched_at = now
        return [_dispatch(job) for job in due[:limit]]

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
            if job.lease_until is not None and job.lease_until < now
        ]
        for job in lost[:limit]:
            job.crashes += 1
            crashed = job.crashes >= self.max_crashes
            job.error = max_crashes_error(self.max_crashes) if crashed else lease_expired_error()
            if (crashed or job.attempts >= job.max_attempts) and not job.cancel_requested:
                self.table.end(job, "dead")
            else:
                self.table.requeue(job, max_crash_backoff(job.crashes) * random())
        return len(lost[:limit])

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


def _position(job: FakeJob) -> DueJobPosition:
    return job.priority, EPOCH + timedelta(seconds=job.run_at), job.id


def _dispatch(job: FakeJob) -> Dispatch:
    return Dispatch(job.reference, job.queue, job.priority, job.kind)


@dataclass(slots=True)
class FakeDispatcher(JobDispatcher):
    """Record what is sent; tests empty its queues."""

    sent: list[Dispatch] = field(default_factory=list)
    queues: dict[KindSet, list[Dispatch]] = field(default_factory=dict)
    failures: list[Exception] = field(default_factory=list)
    """Errors that the next calls raise."""

    async def send(self, dispatches: Sequence[Dispatch], to: KindSet) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.sent.extend(dispatches)
        self.queues.setdefault(to, []).extend(dispatches)

    async def missing(self, dispatches: Sequence[Dispatch], to: KindSet) -> Sequence[Dispatch]:
        if self.failures:
            raise self.failures.pop(0)
        return [one for one in dispatches if one not in self.queues.get(to, ())]
