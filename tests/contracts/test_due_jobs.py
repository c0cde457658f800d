"""The relay's queries of jobs, in memory and in PostgreSQL."""

from collections.abc import Sequence
from time import monotonic

import pytest

from jubilee.adapters.postgres.jobs.due_jobs import PostgresDueJobs
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.domain.jobs.kinds import JobQueueName, KindSet
from jubilee.domain.jobs.store import (
    AttemptFailure,
    Dispatch,
    DueSummary,
    ExpiredJob,
    JobReference,
)
from tests.contracts.job_tables import JobTable, about, cancel, claim, job_table, read_row
from tests.fakes.job_store import LEASE_S
from tests.fakes.store import FakeClock

KINDS = ("echo", "other")


@pytest.fixture(params=["fake", "postgres"])
def table(request: pytest.FixtureRequest, clock: FakeClock) -> JobTable:
    return job_table(request, clock)


def references(dispatches: Sequence[Dispatch]) -> set[JobReference]:
    return {dispatch.reference for dispatch in dispatches}


async def test_due_jobs_are_marked_as_dispatched(table: JobTable) -> None:
    due = await table.add(priority=3)
    assert await table.due.mark_due(KINDS, limit=10) == [
        Dispatch(due, JobQueueName.USER, 3, "echo")
    ]
    assert (await read_row(table, due))["dispatched"]


async def test_only_due_jobs_of_known_kinds_are_marked(table: JobTable) -> None:
    due = await table.add(kind="other")
    await table.add(due=60)
    await table.add(kind="unknown.kind")
    await claim(table, await table.add())
    assert references(await table.due.mark_due(KINDS, limit=10)) == {due}
    assert await table.due.mark_due((), limit=10) == []


async def test_jobs_are_marked_by_priority_and_then_by_age(table: JobTable) -> None:
    order = [(5, -1), (5, -9), (0, -1), (9, -99), (1, -1), (0, -2)]
    added = {await table.add(priority=p, due=due): (p, due) for p, due in order}
    marked_order = []
    while marked := await table.due.mark_due(KINDS, limit=1):
        marked_order.append(added[marked[0].reference])
    assert marked_order == sorted(order)


async def test_jobs_of_full_levels_are_not_marked(table: JobTable) -> None:
    urgent, _ = await table.add(priority=4), await table.add(priority=5)
    full = [(JobQueueName.USER, 5)]
    assert references(await table.due.mark_due(KINDS, limit=10, full=full)) == {urgent}
    assert await table.due.mark_due(KINDS, limit=10, full=full) == []


async def test_a_due_job_that_is_not_dispatched_ends_the_wait(table: JobTable) -> None:
    kinds = KindSet(frozenset(KINDS))
    await table.add(kind="unknown.kind", due=-1)
    await table.add(due=60)
    assert not await table.due.wait_for_due(kinds, 0.01)
    await table.add(due=-1)
    assert await table.due.wait_for_due(kinds, 60)
    await table.due.mark_due(KINDS, limit=10)
    assert not await table.due.wait_for_due(kinds, 0.01)


async def test_the_wait_ends_before_the_time_of_a_statement(database_url: str) -> None:
    pool = ConnectionPool(database_url, size=1, timeout=10)
    assert not await PostgresDueJobs(pool).wait_for_due(KindSet(frozenset(KINDS)), 60)
    await pool.close()


async def test_a_job_is_marked_once(table: JobTable) -> None:
    due = await table.add()
    assert references(await table.due.mark_due(KINDS, limit=10)) == {due}
    await table.pass_time(3600)
    assert await table.due.mark_due(KINDS, limit=10) == []


async def list_unclaimed(table: JobTable, limit: int = 10) -> list[Dispatch]:
    """All that was dispatched and not claim, read in pages."""
    found: list[Dispatch] = []
    page = await table.due.unclaimed(KINDS, after=None, limit=limit)
    found += page.dispatches
    while page.next is not None:
        page = await table.due.unclaimed(KINDS, after=page.next, limit=limit)
        found += page.dispatches
    return found


async def dispatch_just_now(table: JobTable) -> tuple[JobReference, list[Dispatch], bool]:
    """Dispatch a job; return it, and what was found less than two seconds later."""
    while True:
        due, began = await table.add(priority=3), monotonic()
        await table.due.mark_due(KINDS, limit=10)
        await table.pass_time(1.5)
        found = await list_unclaimed(table), (await table.due.due_summary(KINDS)).has_unclaimed
        if monotonic() - began < 0.5:
            return due, *found
        await claim(table, due)  # it took too long on a busy machine


async def test_a_dispatched_job_counts_as_unclaimed_after_two_seconds(table: JobTable) -> None:
    due, unclaimed, has_unclaimed = await dispatch_just_now(table)
    assert (unclaimed, has_unclaimed) == ([], False)
    await table.pass_time(1)
    assert await list_unclaimed(table) == [Dispatch(due, JobQueueName.USER, 3, "echo")]
    assert (await table.due.due_summary(KINDS)).has_unclaimed


async def test_only_queued_jobs_of_known_kinds_are_unclaimed(table: JobTable) -> None:
    running, unknown = await table.add(), await table.add(kind="unknown.kind")
    await table.due.mark_due((*KINDS, "unknown.kind"), limit=10)
    await table.add()
    await claim(table, running)
    await table.pass_time(3)
    assert await list_unclaimed(table) == []
    assert not (await table.due.due_summary(KINDS)).has_unclaimed
    assert (await table.due.due_summary(["unknown.kind"])).has_unclaimed
    assert (await read_row(table, unknown))["dispatched"]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
async def test_unclaimed_jobs_are_read_in_pages_without_gaps(table: JobTable, limit: int) -> None:
    positions = [(0, -1), (0, -1), (5, -9), (5, -1), (5, -1), (9, -99), (9, -2)]
    added = {await table.add(priority=p, due=due): (p, due) for p, due in positions}
    await table.due.mark_due(KINDS, limit=100)
    await table.pass_time(3)
    found = [dispatch.reference for dispatch in await list_unclaimed(table, limit)]
    assert (set(found), len(found)) == (set(added), len(positions))


async def test_a_released_job_is_marked_at_once(table: JobTable) -> None:
    due = await table.add()
    await table.due.mark_due(KINDS, limit=10)
    job = await claim(table, due)
    await table.store.release(job.reference, wait=0)
    await table.pass_time(0.1)
    assert references(await table.due.mark_due(KINDS, limit=10)) == {job.reference}


async def test_a_job_whose_lease_expired_is_queued_again(table: JobTable) -> None:
    job, extended = [await claim(table, await table.add()) for _ in range(2)]
    await table.pass_time(LEASE_S - 10)
    await table.store.heartbeat([extended.reference])
    assert await table.due.expire_leases(limit=10) == 0
    await table.pass_time(11)
    assert await table.due.expire_leases(limit=10) == 1
    row = await read_row(table, job.reference)
    assert (row["status"], row["attempts"], row["epoch"]) == ("queued", 1, 1)
    assert (row["lease"], row["ended"], row["dispatched"]) == (None, False, False)
    assert row["error"]["code"] == "lease_expired"
    assert (await read_row(table, extended.reference))["status"] == "running"


@pytest.mark.parametrize(("crashes", "max_delay"), [(0, 0), (1, 17.6)])
async def test_a_job_waits_a_random_time_after_its_second_crash(
    table: JobTable, crashes: int, max_delay: float
) -> None:
    job = await claim(table, await table.add(crashes=crashes))
    await table.pass_time(LEASE_S + 1)
    began = monotonic()
    assert await table.due.expire_leases(limit=10) == 1
    due = (await read_row(table, job.reference))["due"]
    assert began - monotonic() - 1 < due < max_delay + 1


async def test_jobs_of_one_crashed_worker_get_different_delays(
    table: JobTable,
) -> None:
    jobs = [await claim(table, await table.add(crashes=1)) for _ in range(5)]
    await table.pass_time(LEASE_S + 1)
    assert await table.due.expire_leases(limit=10) == 5
    delays = [(await read_row(table, job.reference))["due"] for job in jobs]
    assert max(delays) - min(delays) > 0.05


@pytest.mark.parametrize(("attempts", "status"), [(8, "queued"), (9, "dead")])
async def test_crashes_count_as_attempts(table: JobTable, attempts: int, status: str) -> None:
    job = await claim(table, await table.add(attempts=attempts))
    await table.pass_time(LEASE_S + 1)
    assert await table.due.expire_leases(limit=10) == 1
    row = await read_row(table, job.reference)
    assert (row["status"], row["ended"]) == (status, status == "dead")
    assert row["error"]["code"] == "lease_expired"
    assert await table.store.claim(job.reference) is None or status == "queued"


async def test_a_job_is_dead_after_three_crashes(table: JobTable) -> None:
    reference = await table.add()
    for status in ("queued", "queued", "dead"):
        reference = (await claim(table, reference)).reference
        await table.pass_time(LEASE_S + 1)
        assert await table.due.expire_leases(limit=10) == 1
        assert (await read_row(table, reference))["status"] == status
        await table.pass_time(20)
    row = await read_row(table, reference)
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


async def test_failures_and_releases_do_not_count_as_crashes(table: JobTable) -> None:
    reference = await table.add()
    for _ in range(3):
        job = await claim(table, reference)
        await table.store.fail(job.reference, AttemptFailure(error={"code": "no"}, retry_in=0))
        await table.pass_time(1)
        job = await claim(table, job.reference)
        await table.store.release(job.reference, wait=0)
        await table.pass_time(1)
        reference = job.reference
    job = await claim(table, reference)
    await table.pass_time(LEASE_S + 1)
    assert await table.due.expire_leases(limit=10) == 1
    assert (await read_row(table, job.reference))["status"] == "queued"


@pytest.mark.parametrize(("attempts", "crashes"), [(0, 0), (9, 0), (3, 2)])
async def test_a_cancelled_job_whose_lease_expired_is_left_to_be_cancelled(
    table: JobTable, attempts: int, crashes: int
) -> None:
    job = await claim(table, await table.add(attempts=attempts, crashes=crashes))
    await table.request_cancel(job.id)
    assert await table.due.expired_cancellations(limit=10) == []
    await table.pass_time(LEASE_S + 1)
    assert await table.due.expire_leases(limit=10) == 0
    [expired] = await table.due.expired_cancellations(limit=10)
    assert expired == ExpiredJob(job.reference, "echo", {})
    assert await cancel(table, expired.reference)
    assert await table.due.expired_cancellations(limit=10) == []


async def test_cancelled_jobs_of_dead_workers_are_listed_by_the_age_of_their_leases(
    table: JobTable,
) -> None:
    oldest, middle, youngest = [await claim(table, await table.add()) for _ in range(3)]
    for job, others in [(middle, [youngest]), (oldest, [middle, youngest])]:
        await table.pass_time(1)
        await table.store.heartbeat([other.reference for other in others])
        await table.request_cancel(job.id)
    await table.pass_time(LEASE_S + 1)
    for limit in (1, 2, 3):
        found = await table.due.expired_cancellations(limit=limit)
        assert [job.reference for job in found] == [oldest.reference, middle.reference][:limit]


async def test_leases_expire_in_batches(table: JobTable) -> None:
    for _ in range(5):
        await claim(table, await table.add())
    await table.pass_time(LEASE_S + 1)
    assert [await table.due.expire_leases(limit=2) for _ in range(4)] == [2, 2, 1, 0]


async def test_old_jobs_are_pruned_in_batches(table: JobTable) -> None:
    old = [await claim(table, await table.add()) for _ in range(3)]
    for job in old:
        await cancel(table, job.reference)
    await table.pass_time(7 * 86_400 + 1)
    recent, live = [await claim(table, await table.add()) for _ in range(2)]
    await cancel(table, recent.reference)
    assert [await table.due.prune(days=7, limit=2) for _ in range(3)] == [2, 1, 0]
    assert [await table.row(job.id) for job in old] == [None] * 3
    assert (await read_row(table, recent.reference))["status"] == "cancelled"
    assert (await read_row(table, live.reference))["status"] == "running"


async def test_the_outlook_names_the_time_of_the_next_due_job(table: JobTable) -> None:
    assert await table.due.due_summary(KINDS) == DueSummary(None, has_unclaimed=False)
    await table.add(due=-5)
    await table.add(kind="unknown.kind", due=5)
    assert await table.due.due_summary(KINDS) == DueSummary(None, has_unclaimed=False)
    await table.add(due=500, priority=0)
    began = monotonic()
    await table.add(due=50, priority=9)
    assert (await table.due.due_summary(KINDS)).next_due == about(50, began)
