"""Jobs are told to the courier after the commit, and only those that are due."""

from datetime import timedelta

import pytest

from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.transaction import PostgresTransaction, WriteContext, transactions
from jubilee.domain.jobs.kinds import JobQueueName
from jubilee.domain.jobs.queue import NewJob
from jubilee.domain.jobs.store import Dispatch, JobReference
from jubilee.domain.transaction import Begin
from tests.contracts.accounts import NOW, BrokenOff, broken_off
from tests.contracts.conftest import Database
from tests.fakes.store import FakeClock


@pytest.fixture
def announced() -> list[Dispatch]:
    return []


@pytest.fixture
def write(
    pool: ConnectionPool, clock: FakeClock, announced: list[Dispatch]
) -> Begin[PostgresTransaction]:
    return transactions(pool, WriteContext(clock, new_id, lambda: None, announced.extend))


def a_job(**more: object) -> NewJob:
    return NewJob(**{"id": new_id(), "kind": "echo", **more})  # type: ignore[arg-type]  # the test says which


async def test_they_are_told_after_the_commit(
    write: Begin[PostgresTransaction], announced: list[Dispatch]
) -> None:
    jobs = [a_job(), a_job(run_at=NOW - timedelta(days=1))]
    async with write() as tx:
        for job in jobs:
            await tx.jobs.add(job)
        assert announced == []
    assert announced == [
        Dispatch(JobReference(job.id, 0), JobQueueName.SYSTEM, 5, "echo") for job in jobs
    ]


async def test_nobody_is_told_of_what_is_not_there(
    write: Begin[PostgresTransaction], announced: list[Dispatch]
) -> None:
    database = Database(write, write)
    with pytest.raises(BrokenOff):
        await broken_off(database, lambda tx: tx.jobs.add(a_job()))
    assert announced == []


async def test_only_those_that_are_due_and_new_are_told(
    write: Begin[PostgresTransaction], announced: list[Dispatch]
) -> None:
    async with write() as tx:
        await tx.jobs.add(a_job(run_at=NOW + timedelta(days=1)))
        await tx.jobs.add(a_job(key="k"))
        await tx.jobs.add(a_job(key="k"))
    assert len(announced) == 1
