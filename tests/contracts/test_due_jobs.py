"""What the relay asks of jobs, in memory and in PostgreSQL alike."""

from collections.abc import Sequence

import pytest

from jubilee.domain.jobs.kinds import JobQueueName
from jubilee.domain.jobs.store import AttemptFailure, Dispatch, DueSummary, JobReference
from tests.contracts.job_tables import JobTable, claimed, job_table, shown
from tests.fakes.job_store import LEASE_S
from tests.fakes.store import FakeClock

KINDS = ("echo", "other")


@pytest.fixture(params=["fake", "postgres"])
def table(request: pytest.FixtureRequest, clock: FakeClock) -> JobTable:
    return job_table(request, clock)


def references(dispatches: Sequence[Dispatch]) -> set[JobReference]:
    return {dispatch.reference for dispatch in dispatches}


async def test_what_is_due_is_marked(table: JobTable) -> None:
    due = await table.add(priority=3)
    assert await table.due.mark_due(KINDS, limit=10) == [
        Dispatch(due, JobQueueName.USER, 3, "echo")
    ]
    assert (await shown(table, due))["dispatched"]


async def test_only_due_ones_of_known_kinds_are_marked(table: JobTable) -> None:
    due = await table.add(kind="other")
    await table.add(due=60)
    await table.add(kind="unheard.of")
    await claimed(table, await table.add())
    assert references(await table.due.mark_due(KINDS, limit=10)) == {due}
    assert await table.due.mark_due((), limit=10) == []


async def test_the_most_urgent_and_then_the_oldest_come_first(table: JobTable) -> None:
    wanted = [(5, -1), (5, -9), (0, -1), (9, -99), (1, -1), (0, -2)]
    added = {await table.add(priority=p, due=due): (p, due) for p, due in wanted}
    order = []
    while marked := await table.due.mark_due(KINDS, limit=1):
        order.append(added[marked[0].reference])
    assert order == sorted(wanted)


async def test_it_is_marked_once_however_long_it_waits(table: JobTable) -> None:
    due = await table.add()
    assert references(await table.due.mark_due(KINDS, limit=10)) == {due}
    await table.pass_time(3600)
    assert await table.due.mark_due(KINDS, limit=10) == []


async def waiting(table: JobTable, limit: int = 10) -> list[Dispatch]:
    """All that was dispatched and not claimed, read in pages."""
    found: list[Dispatch] = []
    page = await table.due.unclaimed(KINDS, after=None, limit=limit)
    found += page.dispatches
    while page.next is not None:
        page = await table.due.unclaimed(KINDS, after=page.next, limit=limit)
        found += page.dispatches
    return found


async def test_one_that_is_not_claimed_is_unclaimed_after_two_seconds(table: JobTable) -> None:
    due = await table.add(priority=3)
    await table.due.mark_due(KINDS, limit=10)
    await table.pass_time(1.5)
    assert await waiting(table) == []
    assert not (await table.due.due_summary(KINDS)).has_unclaimed
    await table.pass_time(1)
    assert await waiting(table) == [Dispatch(due, JobQueueName.USER, 3, "echo")]
    assert (await table.due.due_summary(KINDS)).has_unclaimed


async def test_only_queued_jobs_of_known_kinds_are_unclaimed(table: JobTable) -> None:
    running, foreign = await table.add(), await table.add(kind="unheard.of")
    await table.due.mark_due((*KINDS, "unheard.of"), limit=10)
    await table.add()
    await claimed(table, running)
    await table.pass_time(3)
    assert await waiting(table) == []
    assert not (await table.due.due_summary(KINDS)).has_unclaimed
    assert (await table.due.due_summary(["unheard.of"])).has_unclaimed
    assert (await shown(table, foreign))["dispatched"]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
async def test_the_unclaimed_are_read_in_pages_without_a_gap(table: JobTable, limit: int) -> None:
    places = [(0, -1), (0, -1), (5, -9), (5, -1), (5, -1), (9, -99), (9, -2)]
    added = {await table.add(priority=p, due=due): (p, due) for p, due in places}
    await table.due.mark_due(KINDS, limit=100)
    await table.pass_time(3)
    found = [dispatch.reference for dispatch in await waiting(table, limit)]
    assert [added[reference] for reference in found] == places
    assert len(set(found)) == len(places)


async def test_one_that_was_given_back_is_marked_at_once(table: JobTable) -> None:
    due = await table.add()
    await table.due.mark_due(KINDS, limit=10)
    job = await claimed(table, due)
    await table.store.release(job.reference, wait=0)
    await table.pass_time(0.1)
    assert references(await table.due.mark_due(KINDS, limit=10)) == {job.reference}


async def test_a_lease_that_has_ended_is_given_back(table: JobTable) -> None:
    job, kept = [await claimed(table, await table.add()) for _ in range(2)]
    await table.pass_time(LEASE_S - 1)
    await table.store.heartbeat([kept.reference])
    assert await table.due.expire_leases(limit=10) == 0
    await table.pass_time(2)
    assert await table.due.expire_leases(limit=10) == 1
    row = await shown(table, job.reference)
    assert (row["status"], row["attempts"], row["epoch"]) == ("queued", 1, 1)
    assert (row["lease"], row["ended"], row["dispatched"]) == (None, False, False)
    assert row["error"]["code"] == "lease_expired"
    assert (await shown(table, kept.reference))["status"] == "running"


@pytest.mark.parametrize(("crashes", "longest"), [(0, 0), (1, 17.6)])
async def test_a_job_waits_a_random_time_after_its_worker_died_again(
    table: JobTable, crashes: int, longest: float
) -> None:
    job = await claimed(table, await table.add(crashes=crashes))
    await table.pass_time(LEASE_S + 1)
    assert await table.due.expire_leases(limit=10) == 1
    assert -1 < (await shown(table, job.reference))["due"] < longest + 1


async def test_jobs_that_lost_their_worker_together_are_not_tried_together(
    table: JobTable,
) -> None:
    jobs = [await claimed(table, await table.add(crashes=1)) for _ in range(5)]
    await table.pass_time(LEASE_S + 1)
    assert await table.due.expire_leases(limit=10) == 5
    waits = [(await shown(table, job.reference))["due"] for job in jobs]
    assert max(waits) - min(waits) > 0.05


@pytest.mark.parametrize(("attempts", "status"), [(8, "queued"), (9, "dead")])
async def test_the_attempts_of_a_job_include_those_whose_worker_died(
    table: JobTable, attempts: int, status: str
) -> None:
    job = await claimed(table, await table.add(attempts=attempts))
    await table.pass_time(LEASE_S + 1)
    assert await table.due.expire_leases(limit=10) == 1
    row = await shown(table, job.reference)
    assert (row["status"], row["ended"]) == (status, status == "dead")
    assert row["error"]["code"] == "lease_expired"
    assert await table.store.claim(job.reference) is None or status == "queued"


async def test_a_job_that_took_its_worker_down_three_times_is_dead(table: JobTable) -> None:
    reference = await table.add()
    for status in ("queued", "queued", "dead"):
        reference = (await claimed(table, reference)).reference
        await table.pass_time(LEASE_S + 1)
        assert await table.due.expire_leases(limit=10) == 1
        assert (await shown(table, reference))["status"] == status
        await table.pass_time(20)
    row = await shown(table, reference)
    assert row["error"] == {
        "code": "worker_crashed",
        "message": "The job took its worker down 3 times.",
    }
    assert (row["attempts"], row["ended"], row["lease"], row["dispatched"]) == (
        3,
        True,
        None,
        False,
    )


async def test_failures_and_releases_are_no_crashes(table: JobTable) -> None:
    reference = await table.add()
    for _ in range(3):
        job = await claimed(table, reference)
        await table.store.fail(job.reference, AttemptFailure(error={"code": "no"}, retry_in=0))
        await table.pass_time(1)
        job = await claimed(table, job.reference)
        await table.store.release(job.reference, wait=0)
        await table.pass_time(1)
        reference = job.reference
    job = await claimed(table, reference)
    await table.pass_time(LEASE_S + 1)
    assert await table.due.expire_leases(limit=10) == 1
    assert (await shown(table, job.reference))["status"] == "queued"


@pytest.mark.parametrize(("attempts", "crashes"), [(0, 0), (9, 0), (3, 2)])
async def test_one_that_was_to_stop_ends_with_its_lease(
    table: JobTable, attempts: int, crashes: int
) -> None:
    job = await claimed(table, await table.add(attempts=attempts, crashes=crashes))
    await table.request_cancel(job.id)
    await table.pass_time(LEASE_S + 1)
    assert await table.due.expire_leases(limit=10) == 1
    row = await shown(table, job.reference)
    assert (row["status"], row["ended"]) == ("cancelled", True)


async def test_leases_end_in_batches(table: JobTable) -> None:
    for _ in range(5):
        await claimed(table, await table.add())
    await table.pass_time(LEASE_S + 1)
    assert [await table.due.expire_leases(limit=2) for _ in range(4)] == [2, 2, 1, 0]


async def test_what_ended_long_ago_leaves_in_batches(table: JobTable) -> None:
    old = [await claimed(table, await table.add()) for _ in range(3)]
    for job in old:
        await table.store.mark_cancelled(job.reference)
    await table.pass_time(7 * 86_400 + 1)
    recent, live = [await claimed(table, await table.add()) for _ in range(2)]
    await table.store.mark_cancelled(recent.reference)
    assert [await table.due.prune(days=7, limit=2) for _ in range(3)] == [2, 1, 0]
    assert [await table.row(job.id) for job in old] == [None] * 3
    assert (await shown(table, recent.reference))["status"] == "cancelled"
    assert (await shown(table, live.reference))["status"] == "running"


async def test_the_next_one_is_known(table: JobTable) -> None:
    assert await table.due.due_summary(KINDS) == DueSummary(None, has_unclaimed=False)
    await table.add(due=-5)
    await table.add(kind="unheard.of", due=5)
    assert await table.due.due_summary(KINDS) == DueSummary(None, has_unclaimed=False)
    await table.add(due=500, priority=0)
    await table.add(due=50, priority=9)
    assert (await table.due.due_summary(KINDS)).next_due == pytest.approx(50, abs=1)
