"""The transactions that end a job, in memory and in PostgreSQL."""

from typing import Any

import pytest

from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.write_context import WriteContext
from jubilee.domain.jobs.queue import NewJob
from jubilee.domain.jobs.store import AttemptFailure, Dispatch, JobReference, LeaseLost
from tests.contracts.job_tables import JobTable, claim, job_table, make_postgres_job_table, read_row
from tests.fakes.store import FakeClock

FAILURE = {"code": "failed", "message": "It went wrong."}

RETRY, GIVE_UP = (
    AttemptFailure(error=FAILURE, retry_in=60),
    AttemptFailure(error=FAILURE, retry_in=None),
)


@pytest.fixture(params=["fake", "postgres"])
def table(request: pytest.FixtureRequest, clock: FakeClock) -> JobTable:
    return job_table(request, clock)


@pytest.mark.parametrize(("error", "kept"), [(None, FAILURE), ({"code": "new"}, {"code": "new"})])
async def test_a_cancelled_job_shows_the_error_of_its_last_attempt(
    table: JobTable, error: dict[str, object] | None, kept: dict[str, object]
) -> None:
    job = await claim(table, await table.add())
    await table.store.fail(job.reference, AttemptFailure(error=FAILURE, retry_in=0))
    await table.pass_time(1)
    again = await claim(table, job.reference)
    async with table.open_cancellation(again.reference, error):
        pass
    row = await read_row(table, job.reference)
    assert (row["status"], row["error"], row["result"]) == ("cancelled", kept, None)


async def test_completing_stores_the_result(table: JobTable) -> None:
    job = await claim(table, await table.add())
    await table.store.save_progress(job.reference, {"percent": 50})
    async with table.open_completion(job.reference, {"n": ["ü", None]}):
        pass
    row = await read_row(table, job.reference)
    assert (row["status"], row["result"], row["error"]) == ("succeeded", {"n": ["ü", None]}, None)
    assert (row["ended"], row["lease"], row["progress"]) == (True, None, {"percent": 50})


async def test_completing_clears_earlier_errors(table: JobTable) -> None:
    job = await claim(table, await table.add())
    await table.store.fail(job.reference, AttemptFailure(error=FAILURE, retry_in=0))
    await table.pass_time(1)
    again = await claim(table, job.reference)
    async with table.open_completion(again.reference, None):
        pass
    row = await read_row(table, job.reference)
    assert (row["status"], row["error"], row["result"]) == ("succeeded", None, None)


async def complete_with(
    table: JobTable, reference: JobReference, job: NewJob, error: Any = None
) -> None:
    """RecordedCompletions the job with a write of its own."""
    async with table.open_completion(reference, None) as tx:
        await tx.jobs.add(job)
        if error is not None:
            raise error


async def test_the_completion_and_its_effects_are_one_transaction(table: JobTable) -> None:
    job, effect = await claim(table, await table.add()), NewJob(id=new_id(), kind="effect")
    await complete_with(table, job.reference, effect)
    assert await table.row(effect.id) is not None


async def test_a_job_that_a_completion_adds_is_dispatched_at_once(
    pool: ConnectionPool, clock: FakeClock
) -> None:
    dispatched: list[Dispatch] = []
    context = WriteContext(clock, new_id, lambda: None, dispatched.extend)
    table = make_postgres_job_table(pool, clock, context)
    job, effect = await claim(table, await table.add()), NewJob(id=new_id(), kind="effect")
    dispatched.clear()
    await complete_with(table, job.reference, effect)
    assert [each.reference.id for each in dispatched] == [effect.id]


async def test_a_completion_without_a_lease_writes_nothing(table: JobTable) -> None:
    job, effect = await claim(table, await table.add()), NewJob(id=new_id(), kind="effect")
    await table.store.release(job.reference, wait=0)
    with pytest.raises(LeaseLost):
        await complete_with(table, job.reference, effect)
    assert await table.row(effect.id) is None


async def test_an_error_inside_the_completion_rolls_it_back(table: JobTable) -> None:
    job, effect = await claim(table, await table.add()), NewJob(id=new_id(), kind="effect")
    with pytest.raises(ZeroDivisionError):
        await complete_with(table, job.reference, effect, ZeroDivisionError())
    assert await table.row(effect.id) is None
    row = await read_row(table, job.reference)
    assert (row["status"], row["ended"]) == ("running", False)
    assert await table.store.fail(job.reference, RETRY)
