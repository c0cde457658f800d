"""Jobs in memory and in PostgreSQL behind one interface, with a clock that tests move."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Protocol, TypeAlias
from uuid import UUID

import pytest

from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.job_completion import PostgresCancellation, PostgresCompletion
from jubilee.adapters.postgres.jobs.due_jobs import PostgresDueJobs
from jubilee.adapters.postgres.jobs.store import PostgresJobStore
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.statement import Executor, Statement
from jubilee.adapters.postgres.transaction import PostgresTransaction, transactions
from jubilee.adapters.postgres.write_context import WriteContext
from jubilee.domain.jobs.store import (
    ClaimedJob,
    DueJobStore,
    JobReference,
    JobStore,
    LeaseLost,
    OpenCancellation,
    OpenCompletion,
)
from jubilee.domain.transaction import Begin
from tests.fakes.due_jobs import FakeDueJobs
from tests.fakes.job_store import LEASE_S, FakeJobStore
from tests.fakes.job_table import FakeCancellation, FakeCompletion, FakeJobTable
from tests.fakes.store import FakeClock

Row: TypeAlias = Mapping[str, Any]

KNOWN = ("echo", "other", "effect")
"""The kinds that the worker knows."""

INSERT = Statement.from_sql(
    """
    INSERT INTO jobs (id, kind, data, lane, priority, status, attempts, max_attempts, crashes,
        epoch, run_at, created_at)
    VALUES (:id, :kind, CAST(:data AS jsonb), 'user', :priority, 'queued', :attempts,
        :max_attempts, :crashes, 0, now() + CAST(:due AS float) * interval '1 second', now())
    """
)
ROW = Statement.from_sql(
    """
    SELECT status, attempts, epoch, error, result, progress,
        CAST(extract(epoch FROM run_at - now()) AS float) AS due,
        CAST(extract(epoch FROM lease_until - now()) AS float) AS lease,
        dispatched_at IS NOT NULL AS dispatched, finished_at IS NOT NULL AS ended
    FROM jobs WHERE id = :id
    """
)
MAX_ROWS = 2000  # of one statement, which must end within its deadline on a busy machine
MANY = Statement.from_sql(
    """
    INSERT INTO jobs (id, kind, data, lane, priority, status, attempts, max_attempts, epoch,
        run_at, created_at)
    SELECT gen_random_uuid(), 'echo', '{{}}', 'user', n % 10, 'queued', 0, 10, 0,
        now() + CAST(:due AS float) * interval '1 second', now()
    FROM generate_series(1, CAST(:rows AS integer)) AS n
    """
)
PASS_TIME = Statement.from_sql(
    """
    UPDATE jobs SET run_at = run_at - CAST(:seconds AS float) * interval '1 second',
        dispatched_at = dispatched_at - CAST(:seconds AS float) * interval '1 second',
        lease_until = lease_until - CAST(:seconds AS float) * interval '1 second',
        finished_at = finished_at - CAST(:seconds AS float) * interval '1 second'
    """
)
CANCEL = Statement.from_sql("UPDATE jobs SET cancel_requested_at = now() WHERE id = :id")


class JobTable(Protocol):
    """A table of jobs and its adapters."""

    @property
    def store(self) -> JobStore: ...
    @property
    def open_completion(self) -> OpenCompletion[Any]: ...
    @property
    def open_cancellation(self) -> OpenCancellation[Any]: ...
    @property
    def due(self) -> DueJobStore: ...

    async def add(self, **values: Any) -> JobReference:
        """Queue a job: kind, data (JSON), priority, attempts, crashes, due (in seconds)."""

    async def row(self, job_id: UUID) -> Row | None:
        """Return the row; `due` and `lease` are seconds from now."""

    async def pass_time(self, seconds: float) -> None:
        """Move the database's clock forward."""

    async def request_cancel(self, job_id: UUID) -> None:
        """Request the job's cancellation as its owner does."""


DEFAULTS = {
    "kind": "echo",
    "priority": 5,
    "attempts": 0,
    "max_attempts": 10,
    "crashes": 0,
    "due": -1.0,
}


@dataclass(slots=True)
class FakeTable:
    """The fake adapters over one table."""

    table: FakeJobTable = field(default_factory=FakeJobTable)

    @property
    def store(self) -> JobStore:
        return FakeJobStore(self.table, kinds=KNOWN)

    @property
    def open_completion(self) -> OpenCompletion[Any]:
        return FakeCompletion(self.table)

    @property
    def open_cancellation(self) -> OpenCancellation[Any]:
        return FakeCancellation(self.table)

    @property
    def due(self) -> DueJobStore:
        return FakeDueJobs(self.table)

    async def add(self, **values: Any) -> JobReference:
        columns = {**DEFAULTS, **values}
        due = columns.pop("due")
        return self.table.add(**columns, run_at=self.table.now + due).reference

    async def row(self, job_id: UUID) -> Row | None:
        job = self.table.rows.get(job_id)
        if job is None:
            return None
        names = ("status", "attempts", "epoch", "error", "result", "progress")
        return {
            **{name: getattr(job, name) for name in names},
            "due": job.run_at - self.table.now,
            "lease": None if job.lease_until is None else job.lease_until - self.table.now,
            "dispatched": job.dispatched_at is not None,
            "ended": job.finished_at is not None,
        }

    async def pass_time(self, seconds: float) -> None:
        self.table.now += seconds

    async def request_cancel(self, job_id: UUID) -> None:
        self.table.rows[job_id].cancel_requested = True


@dataclass(slots=True)
class PostgresJobTable:
    """The PostgreSQL adapters over one database."""

    pool: ConnectionPool
    write: Begin[PostgresTransaction]
    store: JobStore
    open_completion: OpenCompletion[Any]
    open_cancellation: OpenCancellation[Any]
    due: DueJobStore

    async def add(self, **values: Any) -> JobReference:
        job_id = new_id()
        await self.run(INSERT, **{"id": job_id, "data": "{}", **DEFAULTS, **values})
        return JobReference(job_id, 0)

    async def add_many(self, rows: int, due: float) -> None:
        """Queue this many jobs, of all priorities, due in these seconds."""
        for start in range(0, rows, MAX_ROWS):
            await self.run(MANY, rows=min(MAX_ROWS, rows - start), due=due)

    async def row(self, job_id: UUID) -> Row | None:
        async with self.pool.connection() as driver:
            row = await Executor(driver).first(ROW, id=job_id)
        return None if row is None else dict(row)

    async def pass_time(self, seconds: float) -> None:
        await self.run(PASS_TIME, seconds=seconds)

    async def request_cancel(self, job_id: UUID) -> None:
        await self.run(CANCEL, id=job_id)

    async def run(self, statement: Statement, **values: object) -> None:
        async with self.pool.connection() as driver:
            await Executor(driver).run(statement, **values)


def make_postgres_job_table(
    pool: ConnectionPool, clock: FakeClock, context: WriteContext | None = None
) -> PostgresJobTable:
    """Return the table with the job store of one worker."""
    context = context or WriteContext(clock, new_id, lambda: None)
    write = transactions(pool, context)
    store = PostgresJobStore(pool, worker_id=new_id(), lease=LEASE_S, kinds=KNOWN)
    return PostgresJobTable(
        pool,
        write,
        store,
        PostgresCompletion(pool, context),
        PostgresCancellation(write),
        PostgresDueJobs(pool),
    )


def job_table(request: pytest.FixtureRequest, clock: FakeClock) -> JobTable:
    """Return the fake or the PostgreSQL table, as the fixture's parameter says."""
    if request.param == "fake":
        return FakeTable()
    return make_postgres_job_table(request.getfixturevalue("pool"), clock)


def about(seconds: float, since: float) -> object:
    """Equal to such a time from now that was set after `since`: PostgreSQL's clock goes on."""
    return pytest.approx(seconds, abs=1 + monotonic() - since)


async def claim(table: JobTable, reference: JobReference) -> ClaimedJob:
    """Claim the job, which must be possible."""
    job = await table.store.claim(reference)
    assert job is not None
    return job


async def cancel(table: JobTable, reference: JobReference) -> bool:
    """End the job as cancelled; return whether its lease was held."""
    try:
        async with table.open_cancellation(reference, None):
            return True
    except LeaseLost:
        return False


async def read_row(table: JobTable, reference: JobReference) -> Row:
    """Return the row, which must exist."""
    row = await table.row(reference.id)
    assert row is not None
    return row
