"""Committed jobs that are due are handed to the dispatcher."""

from datetime import timedelta

import pytest

from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.transaction import PostgresTransaction, transactions
from jubilee.adapters.postgres.write_context import WriteContext
from jubilee.domain.jobs.kinds import JobQueueName
from jubilee.domain.jobs.queue import NewJob
from jubilee.domain.jobs.store import Dispatch, JobReference
from jubilee.domain.transaction import Begin
from tests.contracts.accounts import NOW, ForcedRollback, roll_back_after
from tests.contracts.conftest import Database
from tests.fakes.store import FakeClock


@pytest.fixture
def dispatched() -> list[Dispatch]:
    return []


@pytest.fixture
def write(
    pool: ConnectionPool, clock: FakeClock, dispatched: list[Dispatch]
) -> Begin[PostgresTransaction]:
    return transactions(pool, WriteContext(clock, new_id, lambda: None, dispatched.extend))


def make_job(**more: object) -> NewJob:
    return NewJob(**{"id": new_id(), "kind": "echo", **more})  # type: ignore[arg-type]  # the test says which


async def test_jobs_are_dispatched_after_the_commit(
    write: Begin[PostgresTransaction], dispatched: list[Dispatch]
) -> None:
    jobs = [make_job(), make_job(run_at=NOW - timedelta(days=1))]
    async with write() as tx:
        for job in jobs:
            await tx.jobs.add(job)
        assert dispatched == []
    assert dispatched == [
        Dispatch(JobReference(job.id, 0), JobQueueName.SYSTEM, 5, "echo") for job in jobs
    ]


async def test_a_rolled_back_job_is_not_dispatched(
    write: Begin[PostgresTransaction], dispatched: list[Dispatch]
) -> None:
    database = Database(write, write)
    with pytest.raises(ForcedRollback):
        await roll_back_after(database, lambda tx: tx.jobs.add(make_job()))
    assert dispatched == []


async def test_only_new_jobs_that_are_due_are_dispatched(
    write: Begin[PostgresTransaction], dispatched: list[Dispatch]
) -> None:
    async with write() as tx:
        await tx.jobs.add(make_job(run_at=NOW + timedelta(days=1)))
        await tx.jobs.add(make_job(key="k"))
        await tx.jobs.add(make_job(key="k"))
    assert len(dispatched) == 1
