"""The heart of a worker, with leases of a fraction of a second."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack
from time import monotonic
from uuid import UUID

import pytest

from jubilee.domain.errors import Unavailable
from jubilee.domain.jobs.lease_keeper import MARGIN_SHARE, Interruption, LeaseKeeper, RunningJob
from jubilee.domain.jobs.store import HeartbeatResult, JobReference
from tests.fakes.job_store import FakeJobStore, FakeJobTable
from tests.fakes.store import fresh_id

LEASE = 0.6


class Deaf(FakeJobStore):
    """Its beats are never answered."""

    async def heartbeat(self, held: Sequence[JobReference]) -> Mapping[UUID, HeartbeatResult]:
        await asyncio.sleep(60)
        raise AssertionError


class Busy(FakeJobStore):
    """Somebody has all rows locked."""

    async def heartbeat(self, held: Sequence[JobReference]) -> Mapping[UUID, HeartbeatResult]:
        return {reference.id: HeartbeatResult.BUSY for reference in held}


class Ward:
    """Jobs that run for ever, and the heart that keeps them."""

    def __init__(self) -> None:
        self.table = FakeJobTable()
        self.claims = FakeJobStore(self.table)
        self.lease_keeper = LeaseKeeper(self.claims, LEASE, monotonic)
        self._open = ExitStack()
        self._tasks: list[asyncio.Task[None]] = []

    async def run(self, *, since: float = 0.0, reference: JobReference | None = None) -> RunningJob:
        """A claimed job under way, whose claim was asked for `since` seconds ago."""
        reference = reference or self.table.add().reference
        claimed = await self.claims.claim(reference)
        task = asyncio.create_task(asyncio.sleep(60))
        self._tasks.append(task)
        held = reference if claimed is None else claimed.reference
        return self._open.enter_context(self.lease_keeper.hold(held, task, monotonic() - since))

    def close(self) -> None:
        self._open.close()
        for task in self._tasks:
            task.cancel()


@pytest.fixture
async def ward() -> AsyncIterator[Ward]:
    ward = Ward()
    yield ward
    ward.close()


async def test_all_beat_in_one_statement(ward: Ward) -> None:
    running = [await ward.run() for _ in range(3)]
    ward.table.now += 20
    await ward.lease_keeper.heartbeat()
    assert ward.claims.calls == ["claim"] * 3 + ["heartbeat"]
    assert {job.lease_until for job in ward.table.rows.values()} == {50}
    assert [one.interruption for one in running] == [None] * 3


async def test_nothing_is_asked_while_nothing_runs(ward: Ward) -> None:
    await ward.lease_keeper.heartbeat()
    assert ward.claims.calls == []


async def test_what_is_no_longer_ours_is_stopped(ward: Ward) -> None:
    lost, kept = await ward.run(), await ward.run()
    ward.table.rows[lost.reference.id].epoch += 1
    await ward.lease_keeper.heartbeat()
    await asyncio.wait({lost.task})
    assert lost.interruption is Interruption.LOST
    assert lost.task.cancelled()
    assert (kept.interruption, kept.task.done()) == (None, False)


async def test_a_wish_to_stop_is_heard(ward: Ward) -> None:
    running = await ward.run()
    ward.table.rows[running.reference.id].cancel_requested = True
    await ward.lease_keeper.heartbeat()
    assert running.interruption is Interruption.CANCELLED
    assert running.interrupted.done()


async def test_the_first_reason_counts(ward: Ward) -> None:
    running = await ward.run()
    ward.lease_keeper.drain()
    ward.table.rows[running.reference.id].cancel_requested = True
    await ward.lease_keeper.heartbeat()
    assert running.interruption is Interruption.DRAINED


async def test_draining_interrupts_all(ward: Ward) -> None:
    running = [await ward.run() for _ in range(3)]
    ward.lease_keeper.drain()
    await asyncio.wait({one.task for one in running})
    assert {one.interruption for one in running} == {Interruption.DRAINED}


async def stopped_after(running: RunningJob) -> float:
    """Seconds until it is told to stop."""
    began = monotonic()
    async with asyncio.timeout(5):
        await running.interrupted
    assert running.interruption is Interruption.LOST
    return monotonic() - began


@pytest.mark.timing
async def test_without_an_answer_it_stops_before_its_lease_ends(ward: Ward) -> None:
    running = await ward.run()
    ward.table.away = True
    with pytest.raises(Unavailable):
        await ward.lease_keeper.heartbeat()
    assert not running.interrupted.done()
    assert LEASE * (0.9 - MARGIN_SHARE) < await stopped_after(running) < LEASE


@pytest.mark.timing
async def test_it_stops_in_time_while_beats_hang(ward: Ward) -> None:
    lease_keeper = LeaseKeeper(Deaf(ward.table), LEASE, monotonic)
    task = asyncio.create_task(asyncio.sleep(60))
    with lease_keeper.hold(ward.table.add().reference, task, monotonic()) as running:
        beats = asyncio.create_task(lease_keeper.heartbeat())
        assert await stopped_after(running) < LEASE
        with pytest.raises(Unavailable):
            await beats


@pytest.mark.timing
async def test_a_beat_that_hangs_is_given_up(ward: Ward) -> None:
    lease_keeper = LeaseKeeper(Deaf(ward.table), LEASE, monotonic)
    task = asyncio.create_task(asyncio.sleep(60))
    with lease_keeper.hold(ward.table.add().reference, task, monotonic()) as running:
        began = monotonic()
        with pytest.raises(Unavailable):
            await lease_keeper.heartbeat()
        assert monotonic() - began < LEASE / 2
        assert not running.interrupted.done()
        task.cancel()


@pytest.mark.timing
async def test_a_lease_counts_from_when_it_was_asked_for(ward: Ward) -> None:
    running = await ward.run(since=LEASE / 2)
    assert await stopped_after(running) < LEASE / 2


async def test_a_claim_whose_answer_came_too_late_is_not_run(ward: Ward) -> None:
    running = await ward.run(since=LEASE)
    assert running.interruption is Interruption.LOST


@pytest.mark.timing
async def test_beats_keep_it_alive(ward: Ward) -> None:
    running = await ward.run()
    for _ in range(6):
        await asyncio.sleep(LEASE / 3)
        await ward.lease_keeper.heartbeat()
    assert running.interruption is None


@pytest.mark.timing
async def test_a_row_that_somebody_has_locked_is_not_lost_at_once(ward: Ward) -> None:
    lease_keeper = LeaseKeeper(Busy(ward.table), LEASE, monotonic)
    task = asyncio.create_task(asyncio.sleep(60))
    began = monotonic()
    with lease_keeper.hold(ward.table.add().reference, task, began) as running:
        await asyncio.sleep(LEASE / 3)
        await lease_keeper.heartbeat()
        assert running.interruption is None
        await stopped_after(running)
        assert monotonic() - began < LEASE


async def test_what_has_ended_is_left_alone(ward: Ward) -> None:
    reference = ward.table.add().reference
    task = asyncio.create_task(asyncio.sleep(0))
    with ward.lease_keeper.hold(reference, task, monotonic()) as running:
        await task
    await asyncio.sleep(LEASE)
    ward.lease_keeper.drain()
    await ward.lease_keeper.heartbeat()
    assert (running.interruption, ward.claims.calls) == (None, [])


async def test_a_job_that_ends_during_a_beat_has_ended(ward: Ward) -> None:
    reference = JobReference(fresh_id(), 1)
    task = asyncio.create_task(asyncio.sleep(0))
    with ward.lease_keeper.hold(reference, task, monotonic()) as running:
        await task
        await ward.lease_keeper.heartbeat()
    assert running.interruption is Interruption.LOST
    assert not task.cancelled()


async def test_an_older_claim_of_the_same_job_is_stopped(ward: Ward) -> None:
    older = await ward.run()
    job = ward.table.rows[older.reference.id]
    job.status, job.lease_until = "queued", None
    newer = await ward.run(reference=job.reference)
    assert older.interruption is Interruption.LOST
    await ward.lease_keeper.heartbeat()
    assert newer.interruption is None
    assert newer.reference.epoch == older.reference.epoch + 1
