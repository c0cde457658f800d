"""Claims and their fences, in memory and in PostgreSQL alike."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from jubilee.adapters.ids import new_id
from jubilee.domain.jobs.queue import NewJob
from jubilee.domain.jobs.store import AttemptFailure, HeartbeatResult, JobReference, LeaseLost
from tests.contracts.job_tables import JobTable, claimed, job_table, shown
from tests.fakes.job_store import LEASE_S
from tests.fakes.store import FakeClock

WENT_WRONG = {"code": "failed", "message": "It went wrong."}
AGAIN, NEVER = (
    AttemptFailure(error=WENT_WRONG, retry_in=60),
    AttemptFailure(error=WENT_WRONG, retry_in=None),
)

Write = Callable[[JobTable, JobReference], Awaitable[bool]]


@pytest.fixture(params=["fake", "postgres"])
def table(request: pytest.FixtureRequest, clock: FakeClock) -> JobTable:
    return job_table(request, clock)


async def finished(table: JobTable, reference: JobReference) -> bool:
    try:
        async with table.open_completion(reference, {"n": 1}):
            pass
    except LeaseLost:
        return False
    return True


ENDS: dict[str, Write] = {
    "retry": lambda table, held: table.store.fail(held, AGAIN),
    "dead": lambda table, held: table.store.fail(held, NEVER),
    "release": lambda table, held: table.store.release(held, wait=5),
    "cancelled": lambda table, held: table.store.mark_cancelled(held),
    "finish": finished,
}
ends = pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())


async def test_a_claim_is_an_attempt_with_a_lease(table: JobTable) -> None:
    reference = await table.add(kind="echo", max_attempts=7)
    job = await claimed(table, reference)
    assert (job.id, job.epoch, job.attempt, job.max_attempts) == (reference.id, 1, 1, 7)
    assert (job.kind, job.data, job.owner_id, job.by_admin) == ("echo", {}, None, True)
    row = await shown(table, reference)
    assert (row["status"], row["attempts"], row["epoch"]) == ("running", 1, 1)
    assert row["lease"] == pytest.approx(LEASE_S, abs=1)


async def test_it_is_claimed_at_its_epoch_alone(table: JobTable) -> None:
    reference = await table.add()
    for epoch in (-1, 1, 2):
        assert await table.store.claim(JobReference(reference.id, epoch)) is None
    assert await table.store.claim(JobReference(new_id(), 0)) is None
    assert await table.store.claim(reference) is not None


async def test_it_is_claimed_once(table: JobTable) -> None:
    reference = await table.add()
    await claimed(table, reference)
    assert await table.store.claim(reference) is None
    assert await table.store.claim(JobReference(reference.id, 1)) is None


async def test_a_kind_that_is_not_known_here_is_left_as_it_is(table: JobTable) -> None:
    reference = await table.add(kind="unheard.of")
    before = await shown(table, reference)
    assert await table.store.claim(reference) is None
    after = await shown(table, reference)
    assert {**after, "due": None} == {**before, "due": None}


async def test_it_is_not_claimed_before_it_is_due(table: JobTable) -> None:
    reference = await table.add(due=60)
    assert await table.store.claim(reference) is None
    await table.pass_time(61)
    assert await table.store.claim(reference) is not None


@ends
async def test_what_has_ended_or_was_given_back_is_stale(table: JobTable, end: Write) -> None:
    reference = await table.add()
    job = await claimed(table, reference)
    assert await end(table, job.reference)
    assert await table.store.claim(reference) is None
    assert await table.store.claim(job.reference) is None


async def test_one_of_many_at_once_has_it(table: JobTable) -> None:
    reference = await table.add()
    answers = await asyncio.gather(*(table.store.claim(reference) for _ in range(20)))
    assert sum(answer is not None for answer in answers) == 1


async def test_a_beat_extends_what_is_ours(table: JobTable) -> None:
    job = await claimed(table, await table.add())
    await table.pass_time(20)
    assert await table.store.heartbeat([job.reference]) == {job.id: HeartbeatResult.OURS}
    assert (await shown(table, job.reference))["lease"] == pytest.approx(LEASE_S, abs=1)


async def test_a_beat_hears_that_it_is_to_stop(table: JobTable) -> None:
    job, other = [await claimed(table, await table.add()) for _ in range(2)]
    await table.request_cancel(job.id)
    beats = await table.store.heartbeat([job.reference, other.reference])
    assert beats == {job.id: HeartbeatResult.CANCEL, other.id: HeartbeatResult.OURS}


@ends
async def test_a_beat_misses_what_is_not_ours_any_more(table: JobTable, end: Write) -> None:
    job = await claimed(table, await table.add())
    older = JobReference(job.id, job.epoch - 1)
    assert await table.store.heartbeat([older, JobReference(new_id(), 1)]) == {}
    assert await end(table, job.reference)
    assert await table.store.heartbeat([job.reference]) == {}


@ends
async def test_an_end_is_fenced_by_the_epoch(table: JobTable, end: Write) -> None:
    zombie = await claimed(table, await table.add())
    await table.pass_time(LEASE_S + 1)
    assert await table.due.expire_leases(limit=10) == 1
    before = await shown(table, zombie.reference)
    assert not await end(table, zombie.reference)
    newer = await claimed(table, zombie.reference)
    assert not await end(table, zombie.reference)
    assert before["status"] == "queued"
    row = await shown(table, newer.reference)
    assert (row["status"], row["epoch"], row["result"]) == ("running", 2, None)


async def reported(table: JobTable, reference: JobReference) -> bool:
    await table.store.save_progress(reference, {"percent": 99})
    return False


async def beaten(table: JobTable, reference: JobReference) -> bool:
    return bool(await table.store.heartbeat([reference]))


LATE: dict[str, Write] = {**ENDS, "progress": reported, "heartbeat": beaten}


@pytest.mark.parametrize("says", LATE.values(), ids=LATE.keys())
@pytest.mark.parametrize("asked_to_stop", [False, True])
async def test_what_arrives_late_changes_nothing_of_the_next_epoch(
    table: JobTable, says: Write, asked_to_stop: bool
) -> None:
    late = await claimed(table, await table.add())
    await table.pass_time(LEASE_S + 1)
    assert await table.due.expire_leases(limit=1) == 1
    newer = await claimed(table, late.reference)
    await table.pass_time(LEASE_S / 2)
    if asked_to_stop:
        await table.request_cancel(newer.id)
    before = await shown(table, newer.reference)
    assert not await says(table, late.reference)
    after = await shown(table, newer.reference)
    moments = {name: pytest.approx(before[name], abs=1) for name in ("due", "lease")}
    assert after == {**before, **moments}
    assert await finished(table, newer.reference)


@ends
async def test_nothing_ends_twice(table: JobTable, end: Write) -> None:
    job = await claimed(table, await table.add())
    assert await end(table, job.reference)
    before = await shown(table, job.reference)
    for again in ENDS.values():
        assert not await again(table, job.reference)
    after = await shown(table, job.reference)
    moments = ("due", "lease")
    assert {**after, **dict.fromkeys(moments)} == {**before, **dict.fromkeys(moments)}


async def test_an_attempt_that_failed_waits(table: JobTable) -> None:
    job = await claimed(table, await table.add())
    assert await table.store.fail(job.reference, AGAIN)
    row = await shown(table, job.reference)
    assert (row["status"], row["attempts"], row["error"]) == ("queued", 1, WENT_WRONG)
    assert row["due"] == pytest.approx(60, abs=1)
    assert (row["lease"], row["ended"]) == (None, False)


async def test_one_that_failed_for_good_is_dead(table: JobTable) -> None:
    job = await claimed(table, await table.add())
    assert await table.store.fail(job.reference, NEVER)
    row = await shown(table, job.reference)
    assert (row["status"], row["error"]) == ("dead", WENT_WRONG)
    assert (row["lease"], row["ended"]) == (None, True)


async def test_one_that_is_released_was_not_tried(table: JobTable) -> None:
    job = await claimed(table, await table.add())
    await table.due.mark_due(["echo"], limit=1)
    assert await table.store.release(job.reference, wait=5)
    row = await shown(table, job.reference)
    assert (row["status"], row["attempts"], row["epoch"]) == ("queued", 0, 1)
    assert (row["dispatched"], row["ended"]) == (False, False)
    assert row["due"] == pytest.approx(5, abs=1)


@pytest.mark.parametrize("end", [ENDS["retry"], ENDS["release"]], ids=["retry", "release"])
async def test_what_was_asked_to_stop_is_not_tried_again(table: JobTable, end: Write) -> None:
    job = await claimed(table, await table.add())
    await table.request_cancel(job.id)
    assert await end(table, job.reference)
    row = await shown(table, job.reference)
    assert (row["status"], row["ended"], row["lease"]) == ("cancelled", True, None)


async def test_a_result_is_there_once_it_has_finished(table: JobTable) -> None:
    job = await claimed(table, await table.add())
    await table.store.save_progress(job.reference, {"percent": 50})
    async with table.open_completion(job.reference, {"n": ["ü", None]}):
        pass
    row = await shown(table, job.reference)
    assert (row["status"], row["result"], row["error"]) == ("succeeded", {"n": ["ü", None]}, None)
    assert (row["ended"], row["lease"], row["progress"]) == (True, None, {"percent": 50})


async def test_success_forgets_the_errors_before_it(table: JobTable) -> None:
    job = await claimed(table, await table.add())
    await table.store.fail(job.reference, AttemptFailure(error=WENT_WRONG, retry_in=0))
    await table.pass_time(1)
    again = await claimed(table, job.reference)
    async with table.open_completion(again.reference, None):
        pass
    row = await shown(table, job.reference)
    assert (row["status"], row["error"], row["result"]) == ("succeeded", None, None)


async def test_progress_is_the_newest_claims_alone(table: JobTable) -> None:
    zombie = await claimed(table, await table.add())
    await table.store.release(zombie.reference, wait=0)
    await table.pass_time(1)
    await claimed(table, zombie.reference)
    await table.store.save_progress(zombie.reference, {"percent": 99})
    assert (await shown(table, zombie.reference))["progress"] is None


async def wants(table: JobTable, reference: JobReference, job: NewJob, error: Any = None) -> None:
    """RecordedCompletions the job with a write of its own."""
    async with table.open_completion(reference, None) as tx:
        await tx.jobs.add(job)
        if error is not None:
            raise error


async def test_the_end_and_what_the_kind_writes_are_one(table: JobTable) -> None:
    job, effect = await claimed(table, await table.add()), NewJob(id=new_id(), kind="effect")
    await wants(table, job.reference, effect)
    assert await table.row(effect.id) is not None


async def test_without_a_lease_nothing_is_written(table: JobTable) -> None:
    job, effect = await claimed(table, await table.add()), NewJob(id=new_id(), kind="effect")
    await table.store.release(job.reference, wait=0)
    with pytest.raises(LeaseLost):
        await wants(table, job.reference, effect)
    assert await table.row(effect.id) is None


async def test_a_kind_that_fails_in_its_end_has_not_ended(table: JobTable) -> None:
    job, effect = await claimed(table, await table.add()), NewJob(id=new_id(), kind="effect")
    with pytest.raises(ZeroDivisionError):
        await wants(table, job.reference, effect, ZeroDivisionError())
    assert await table.row(effect.id) is None
    row = await shown(table, job.reference)
    assert (row["status"], row["ended"]) == ("running", False)
    assert await table.store.fail(job.reference, AGAIN)
