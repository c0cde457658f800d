"""Extending leases by heartbeats, with leases of a few seconds."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack
from time import monotonic
from uuid import UUID

import pytest

from jubilee.adapters.ids import new_id
from jubilee.domain.errors import Unavailable
from jubilee.domain.jobs.lease_keeper import MARGIN_RATIO, Interruption, LeaseKeeper, RunningJob
from jubilee.domain.jobs.store import HeartbeatResult, JobReference
from tests.fakes.job_store import FakeJobStore
from tests.fakes.job_table import FakeJobTable

LEASE_S = 3.0


class UnansweredStore(FakeJobStore):
    """Its heartbeats are never answered."""

    async def heartbeat(self, held: Sequence[JobReference]) -> Mapping[UUID, HeartbeatResult]:
        await asyncio.sleep(60)
        raise AssertionError


class LockedStore(FakeJobStore):
    """All rows are locked by other transactions."""

    async def heartbeat(self, held: Sequence[JobReference]) -> Mapping[UUID, HeartbeatResult]:
        return {reference.id: HeartbeatResult.BUSY for reference in held}


class RunningJobs:
    """Jobs that run forever, and the lease keeper that extends their leases."""

    def __init__(self) -> None:
        self.table = FakeJobTable()
        self.job_store = FakeJobStore(self.table)
        self.lease_keeper = LeaseKeeper(self.job_store, LEASE_S, monotonic)
        self._open = ExitStack()
        self._tasks: list[asyncio.Task[None]] = []

    async def run(self, *, since: float = 0.0, reference: JobReference | None = None) -> RunningJob:
        """Claim a job and run it; its claim was requested `since` seconds ago."""
        reference = reference or self.table.add().reference
        claimed = await self.job_store.claim(reference)
        task = asyncio.create_task(asyncio.sleep(60))
        self._tasks.append(task)
        held = reference if claimed is None else claimed.reference
        return self._open.enter_context(self.lease_keeper.hold(held, task, monotonic() - since))

    def close(self) -> None:
        self._open.close()
        for task in self._tasks:
            task.cancel()


@pytest.fixture
async def jobs() -> AsyncIterator[RunningJobs]:
    jobs = RunningJobs()
    yield jobs
    jobs.close()


async def test_one_statement_extends_all_leases(jobs: RunningJobs) -> None:
    running = [await jobs.run() for _ in range(3)]
    jobs.table.now += 20
    await jobs.lease_keeper.heartbeat()
    assert jobs.job_store.calls == ["claim"] * 3 + ["heartbeat"]
    assert {job.lease_until for job in jobs.table.rows.values()} == {50}
    assert [one.interruption for one in running] == [None] * 3


async def test_no_statement_is_sent_while_no_job_runs(jobs: RunningJobs) -> None:
    await jobs.lease_keeper.heartbeat()
    assert jobs.job_store.calls == []


async def test_a_job_whose_lease_was_taken_is_interrupted(jobs: RunningJobs) -> None:
    lost, kept = await jobs.run(), await jobs.run()
    jobs.table.rows[lost.reference.id].epoch += 1
    await jobs.lease_keeper.heartbeat()
    await asyncio.wait({lost.task})
    assert lost.interruption is Interruption.LOST
    assert lost.task.cancelled()
    assert (kept.interruption, kept.task.done()) == (None, False)


async def test_a_requested_cancellation_interrupts_the_job(jobs: RunningJobs) -> None:
    running = await jobs.run()
    jobs.table.rows[running.reference.id].cancel_requested = True
    await jobs.lease_keeper.heartbeat()
    assert running.interruption is Interruption.CANCELLED
    assert running.interrupted.done()


async def test_the_first_interruption_wins(jobs: RunningJobs) -> None:
    running = await jobs.run()
    jobs.lease_keeper.drain()
    jobs.table.rows[running.reference.id].cancel_requested = True
    await jobs.lease_keeper.heartbeat()
    assert running.interruption is Interruption.DRAINED


async def test_draining_interrupts_every_job(jobs: RunningJobs) -> None:
    running = [await jobs.run() for _ in range(3)]
    jobs.lease_keeper.drain()
    await asyncio.wait({one.task for one in running})
    assert {one.interruption for one in running} == {Interruption.DRAINED}


async def seconds_until_interrupted(running: RunningJob) -> float:
    """Return the seconds until the job is interrupted."""
    began = monotonic()
    async with asyncio.timeout(30):
        await running.interrupted
    assert running.interruption is Interruption.LOST
    return monotonic() - began


@pytest.mark.timing(waits=True)
async def test_failing_heartbeats_interrupt_the_job_before_its_lease_ends(
    jobs: RunningJobs,
) -> None:
    running = await jobs.run()
    jobs.table.away = True
    with pytest.raises(Unavailable):
        await jobs.lease_keeper.heartbeat()
    assert not running.interrupted.done()
    assert LEASE_S * (0.9 - MARGIN_RATIO) < await seconds_until_interrupted(running) < LEASE_S


@pytest.mark.timing(waits=True)
async def test_hanging_heartbeats_interrupt_the_job_before_its_lease_ends(
    jobs: RunningJobs,
) -> None:
    lease_keeper = LeaseKeeper(UnansweredStore(jobs.table), LEASE_S, monotonic)
    task = asyncio.create_task(asyncio.sleep(60))
    with lease_keeper.hold(jobs.table.add().reference, task, monotonic()) as running:
        heartbeat = asyncio.create_task(lease_keeper.heartbeat())
        assert await seconds_until_interrupted(running) < LEASE_S
        with pytest.raises(Unavailable):
            await heartbeat


@pytest.mark.timing(waits=True)
async def test_a_hanging_heartbeat_times_out(jobs: RunningJobs) -> None:
    lease_keeper = LeaseKeeper(UnansweredStore(jobs.table), LEASE_S, monotonic)
    task = asyncio.create_task(asyncio.sleep(60))
    with lease_keeper.hold(jobs.table.add().reference, task, monotonic()) as running:
        began = monotonic()
        with pytest.raises(Unavailable):
            await lease_keeper.heartbeat()
        assert monotonic() - began < LEASE_S / 2
        assert not running.interrupted.done()
        task.cancel()


@pytest.mark.timing(waits=True)
async def test_a_lease_counts_from_the_request_of_the_claim(jobs: RunningJobs) -> None:
    running = await jobs.run(since=LEASE_S / 2)
    assert await seconds_until_interrupted(running) < LEASE_S / 2


async def test_a_claim_answered_after_its_lease_is_not_run(jobs: RunningJobs) -> None:
    running = await jobs.run(since=LEASE_S)
    assert running.interruption is Interruption.LOST


@pytest.mark.timing(waits=True)
async def test_heartbeats_extend_the_lease(jobs: RunningJobs) -> None:
    running = await jobs.run()
    for _ in range(4):
        await asyncio.sleep(LEASE_S / 3)
        await jobs.lease_keeper.heartbeat()
    assert running.interruption is None


@pytest.mark.timing(waits=True)
async def test_a_locked_row_is_lost_only_when_its_lease_ends(jobs: RunningJobs) -> None:
    lease_keeper = LeaseKeeper(LockedStore(jobs.table), LEASE_S, monotonic)
    task = asyncio.create_task(asyncio.sleep(60))
    began = monotonic()
    with lease_keeper.hold(jobs.table.add().reference, task, began) as running:
        await asyncio.sleep(LEASE_S / 3)
        await lease_keeper.heartbeat()
        assert running.interruption is None
        await seconds_until_interrupted(running)
        assert monotonic() - began < LEASE_S


async def test_an_ended_job_has_no_heartbeats_and_no_interruption(jobs: RunningJobs) -> None:
    reference = jobs.table.add().reference
    task = asyncio.create_task(asyncio.sleep(0))
    with jobs.lease_keeper.hold(reference, task, monotonic()) as running:
        await task
    await asyncio.sleep(LEASE_S)
    jobs.lease_keeper.drain()
    await jobs.lease_keeper.heartbeat()
    assert (running.interruption, jobs.job_store.calls) == (None, [])


async def test_a_job_that_ended_before_the_heartbeats_answer_is_not_cancelled(
    jobs: RunningJobs,
) -> None:
    reference = JobReference(new_id(), 1)
    task = asyncio.create_task(asyncio.sleep(0))
    with jobs.lease_keeper.hold(reference, task, monotonic()) as running:
        await task
        await jobs.lease_keeper.heartbeat()
    assert running.interruption is Interruption.LOST
    assert not task.cancelled()


async def test_a_newer_claim_interrupts_the_older_one_of_the_same_job(jobs: RunningJobs) -> None:
    older = await jobs.run()
    job = jobs.table.rows[older.reference.id]
    job.status, job.lease_until = "queued", None
    newer = await jobs.run(reference=job.reference)
    assert older.interruption is Interruption.LOST
    await jobs.lease_keeper.heartbeat()
    assert newer.interruption is None
    assert newer.reference.epoch == older.reference.epoch + 1
