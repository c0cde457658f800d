"""The table of jobs in memory with its own clock, and the transactions that end a job."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

from jubilee.adapters.ids import new_id
from jubilee.domain.errors import Unavailable
from jubilee.domain.jobs.kinds import JobQueueName
from jubilee.domain.jobs.queue import JobQueue, NewJob
from jubilee.domain.jobs.store import JobReference, LeaseLost


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
class FakeCompletionTransaction(JobQueue):
    """The jobs that a kind adds; they are stored when the completion commits."""

    added: list[NewJob] = field(default_factory=list)

    @property
    def jobs(self) -> JobQueue:
        return self

    async def add(self, job: NewJob) -> None:
        self.added.append(job)

    async def add_all(self, jobs: Sequence[NewJob]) -> None:
        self.added.extend(jobs)


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

    @asynccontextmanager
    async def ending(
        self, reference: JobReference, status: str
    ) -> AsyncIterator[tuple[FakeJob, FakeCompletionTransaction]]:
        """End the job, and add the jobs of its kind, when the block ends without an error."""
        job = self.held(reference)
        if job is None:
            raise LeaseLost
        tx = FakeCompletionTransaction()
        yield job, tx
        self.check()
        self.end(job, status)
        for new in tx.added:
            self.add(id=new.id, kind=new.kind, data=new.data)

    def requeue(self, job: FakeJob, wait: float) -> None:
        job.run_at, job.dispatched_at, job.lease_until = self.now + wait, None, None
        job.status = "queued"


@dataclass(slots=True)
class FakeCompletion:
    """Complete a job and add the jobs of its kind, both or neither."""

    table: FakeJobTable
    reply_lost: bool = False
    """Whether a commit is followed by Unavailable."""

    @asynccontextmanager
    async def __call__(
        self, reference: JobReference, result: Mapping[str, object] | None
    ) -> AsyncIterator[FakeCompletionTransaction]:
        document = None if result is None else json.loads(json.dumps(dict(result)))
        async with self.table.ending(reference, "succeeded") as (job, tx):
            yield tx
        job.result, job.error = document, None
        if self.reply_lost:
            raise Unavailable


@dataclass(slots=True)
class FakeCancellation:
    """Cancel a claimed job and add the jobs of its kind, both or neither."""

    table: FakeJobTable

    @asynccontextmanager
    async def __call__(
        self, reference: JobReference, error: Mapping[str, object] | None
    ) -> AsyncIterator[FakeCompletionTransaction]:
        async with self.table.ending(reference, "cancelled") as (job, tx):
            yield tx
        job.error = error or job.error
