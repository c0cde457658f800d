"""Claims and their fencing by epoch, in memory and in PostgreSQL."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from time import monotonic

import pytest

from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.jobs.store import PostgresJobStore
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.domain.errors import Unavailable
from jubilee.domain.jobs.store import AttemptFailure, HeartbeatResult, JobReference, LeaseLost
from tests.contracts.job_tables import JobTable, about, cancel, claim, job_table, read_row
from tests.fakes.job_store import LEASE_S
from tests.fakes.store import FakeClock
from tests.support.api import NOWHERE

FAILURE = {"code": "failed", "message": "It went wrong."}

RETRY, GIVE_UP = (
    AttemptFailure(error=FAILURE, retry_in=60),
    AttemptFailure(error=FAILURE, retry_in=None),
)

Write = Callable[[JobTable, JobReference], Awaitable[bool]]


@pytest.fixture(params=["fake", "postgres"])
def table(request: pytest.FixtureRequest, clock: FakeClock) -> JobTable:
    return job_table(request, clock)


async def complete(table: JobTable, reference: JobReference) -> bool:
    try:
        async with table.open_completion(reference, {"n": 1}):
            pass
    except LeaseLost:
        return False
    return True


ENDINGS: dict[str, Write] = {
    "retry": lambda table, held: table.store.fail(held, RETRY),
    "dead": lambda table, held: table.store.fail(held, GIVE_UP),
    "release": lambda table, held: table.store.release(held, wait=5),
    "cancelled": cancel,
    "complete": complete,
}

endings = pytest.mark.parametrize("end", ENDINGS.values(), ids=ENDINGS.keys())


async def test_a_claim_counts_an_attempt_and_takes_a_lease(table: JobTable) -> None:
    reference, began = await table.add(kind="echo", max_attempts=7), monotonic()
    job = await claim(table, reference)
    assert (job.id, job.epoch, job.attempt, job.max_attempts) == (reference.id, 1, 1, 7)
    assert (job.kind, job.data, job.owner_id, job.by_admin) == ("echo", {}, None, True)
    row = await read_row(table, reference)
    assert (row["status"], row["attempts"], row["epoch"]) == ("running", 1, 1)
    assert row["lease"] == about(LEASE_S, began)


async def test_a_job_is_claimed_only_at_its_epoch(table: JobTable) -> None:
    reference = await table.add()
    for epoch in (-1, 1, 2):
        assert await table.store.claim(JobReference(reference.id, epoch)) is None
    assert await table.store.claim(JobReference(new_id(), 0)) is None
    assert await table.store.claim(reference) is not None


async def test_a_job_is_claimed_once(table: JobTable) -> None:
    reference = await table.add()
    await claim(table, reference)
    assert await table.store.claim(reference) is None
    assert await table.store.claim(JobReference(reference.id, 1)) is None


async def test_a_job_of_an_unknown_kind_is_not_claimed(table: JobTable) -> None:
    reference = await table.add(kind="unknown.kind")
    before = await read_row(table, reference)
    assert await table.store.claim(reference) is None
    after = await read_row(table, reference)
    assert {**after, "due": None} == {**before, "due": None}


async def test_a_job_is_not_claimed_before_it_is_due(table: JobTable) -> None:
    reference = await table.add(due=60)
    assert await table.store.claim(reference) is None
    await table.pass_time(61)
    assert await table.store.claim(reference) is not None


@endings
async def test_the_references_of_an_ended_or_released_job_are_stale(
    table: JobTable, end: Write
) -> None:
    reference = await table.add()
    job = await claim(table, reference)
    assert await end(table, job.reference)
    assert await table.store.claim(reference) is None
    assert await table.store.claim(job.reference) is None


async def test_one_of_parallel_claims_succeeds(table: JobTable) -> None:
    reference = await table.add()
    answers = await asyncio.gather(*(table.store.claim(reference) for _ in range(20)))
    assert sum(answer is not None for answer in answers) == 1


async def test_a_heartbeat_extends_the_lease(table: JobTable) -> None:
    job = await claim(table, await table.add())
    await table.pass_time(20)
    began = monotonic()
    assert await table.store.heartbeat([job.reference]) == {job.id: HeartbeatResult.OURS}
    assert (await read_row(table, job.reference))["lease"] == about(LEASE_S, began)


async def test_a_heartbeat_reports_a_requested_cancellation(table: JobTable) -> None:
    job, other = [await claim(table, await table.add()) for _ in range(2)]
    await table.request_cancel(job.id)
    results = await table.store.heartbeat([job.reference, other.reference])
    assert results == {job.id: HeartbeatResult.CANCEL, other.id: HeartbeatResult.OURS}


@endings
async def test_a_heartbeat_omits_jobs_that_are_no_longer_ours(table: JobTable, end: Write) -> None:
    job = await claim(table, await table.add())
    older = JobReference(job.id, job.epoch - 1)
    assert await table.store.heartbeat([older, JobReference(new_id(), 1)]) == {}
    assert await end(table, job.reference)
    assert await table.store.heartbeat([job.reference]) == {}


@endings
async def test_endings_are_fenced_by_the_epoch(table: JobTable, end: Write) -> None:
    zombie = await claim(table, await table.add())
    await table.pass_time(LEASE_S + 1)
    assert await table.due.expire_leases(limit=10) == 1
    before = await read_row(table, zombie.reference)
    assert not await end(table, zombie.reference)
    newer = await claim(table, zombie.reference)
    assert not await end(table, zombie.reference)
    assert before["status"] == "queued"
    row = await read_row(table, newer.reference)
    assert (row["status"], row["epoch"], row["result"]) == ("running", 2, None)


async def report(table: JobTable, reference: JobReference) -> bool:
    await table.store.save_progress(reference, {"percent": 99})
    return False


async def heartbeat(table: JobTable, reference: JobReference) -> bool:
    return bool(await table.store.heartbeat([reference]))


LATE_WRITES: dict[str, Write] = {**ENDINGS, "progress": report, "heartbeat": heartbeat}


@pytest.mark.parametrize("write", LATE_WRITES.values(), ids=LATE_WRITES.keys())
@pytest.mark.parametrize("cancel_requested", [False, True])
async def test_late_writes_change_nothing_of_the_next_epoch(
    table: JobTable, write: Write, cancel_requested: bool
) -> None:
    late = await claim(table, await table.add())
    await table.pass_time(LEASE_S + 1)
    assert await table.due.expire_leases(limit=1) == 1
    newer = await claim(table, late.reference)
    await table.pass_time(LEASE_S / 2)
    if cancel_requested:
        await table.request_cancel(newer.id)
    began = monotonic()
    before = await read_row(table, newer.reference)
    assert not await write(table, late.reference)
    after = await read_row(table, newer.reference)
    times = {name: about(before[name], began) for name in ("due", "lease")}
    assert after == {**before, **times}
    assert await complete(table, newer.reference)


@endings
async def test_a_job_ends_once(table: JobTable, end: Write) -> None:
    job = await claim(table, await table.add())
    assert await end(table, job.reference)
    before = await read_row(table, job.reference)
    for again in ENDINGS.values():
        assert not await again(table, job.reference)
    after = await read_row(table, job.reference)
    times = ("due", "lease")
    assert {**after, **dict.fromkeys(times)} == {**before, **dict.fromkeys(times)}


async def test_a_failed_attempt_is_queued_with_a_delay(table: JobTable) -> None:
    job, began = await claim(table, await table.add()), monotonic()
    assert await table.store.fail(job.reference, RETRY)
    row = await read_row(table, job.reference)
    assert (row["status"], row["attempts"], row["error"]) == ("queued", 1, FAILURE)
    assert row["due"] == about(60, began)
    assert (row["lease"], row["ended"]) == (None, False)


async def test_a_permanent_failure_is_dead(table: JobTable) -> None:
    job = await claim(table, await table.add())
    assert await table.store.fail(job.reference, GIVE_UP)
    row = await read_row(table, job.reference)
    assert (row["status"], row["error"]) == ("dead", FAILURE)
    assert (row["lease"], row["ended"]) == (None, True)


async def test_a_released_job_does_not_count_the_attempt(table: JobTable) -> None:
    job = await claim(table, await table.add())
    await table.due.mark_due(["echo"], limit=1)
    began = monotonic()
    assert await table.store.release(job.reference, wait=5)
    row = await read_row(table, job.reference)
    assert (row["status"], row["attempts"], row["epoch"]) == ("queued", 0, 1)
    assert (row["dispatched"], row["ended"]) == (False, False)
    assert row["due"] == about(5, began)


@pytest.mark.parametrize("end", [ENDINGS["retry"], ENDINGS["release"]], ids=["retry", "release"])
async def test_a_cancelled_job_is_not_queued_again(table: JobTable, end: Write) -> None:
    job = await claim(table, await table.add())
    await table.request_cancel(job.id)
    assert not await end(table, job.reference)
    row = await read_row(table, job.reference)
    assert (row["status"], row["attempts"], row["error"]) == ("running", 1, None)
    assert await cancel(table, job.reference)
    row = await read_row(table, job.reference)
    assert (row["status"], row["ended"], row["lease"]) == ("cancelled", True, None)


async def test_progress_of_an_older_claim_is_ignored(table: JobTable) -> None:
    zombie = await claim(table, await table.add())
    await table.store.release(zombie.reference, wait=0)
    await table.pass_time(1)
    await claim(table, zombie.reference)
    await table.store.save_progress(zombie.reference, {"percent": 99})
    assert (await read_row(table, zombie.reference))["progress"] is None


async def test_a_store_whose_database_is_away_does_not_answer(pool: ConnectionPool) -> None:
    away = ConnectionPool(NOWHERE, size=1, timeout=1)
    for connections, answers in ((pool, nullcontext()), (away, pytest.raises(Unavailable))):
        store = PostgresJobStore(connections, worker_id=new_id(), lease=30, kinds=())
        with answers:
            await store.ping()
