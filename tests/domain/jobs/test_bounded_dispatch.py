"""The bound of dispatched jobs, over the fakes."""

import asyncio
from time import monotonic

import pytest

from jubilee.adapters.ids import new_id
from jubilee.domain.jobs.bounded_dispatch import (
    FRUITLESS_PAUSE_S,
    MESSAGES_PER_SLOT,
    BoundedDispatch,
)
from jubilee.domain.jobs.kinds import JobKinds, JobQueueName
from jubilee.domain.jobs.redelivery import LostMessageCheck
from jubilee.domain.jobs.store import Dispatch, JobReference
from tests.domain.jobs.job_harness import ScriptedKind, return_at_once
from tests.fakes.due_jobs import FakeDispatcher, FakeDueJobs
from tests.fakes.job_table import FakeJobTable

SLOTS = 5
LIMIT = MESSAGES_PER_SLOT * SLOTS
KINDS = JobKinds([ScriptedKind(return_at_once, name="echo")])


@pytest.fixture
def dispatch(table: FakeJobTable, dispatcher: FakeDispatcher) -> BoundedDispatch:
    due = FakeDueJobs(table)
    check = LostMessageCheck(due, dispatcher, KINDS, monotonic, lambda _: None)
    slots = dict.fromkeys(JobQueueName, SLOTS)
    return BoundedDispatch(due, dispatcher, KINDS, check, slots)


async def dispatch_all(dispatch: BoundedDispatch) -> int:
    """Dispatch until there is no room, and return how many jobs there was room for."""
    total = 0
    while count := await dispatch.run():
        total += count
    return total


async def test_a_backlog_stays_in_the_database(
    dispatch: BoundedDispatch, table: FakeJobTable, dispatcher: FakeDispatcher
) -> None:
    for _ in range(20 * LIMIT):
        table.add()
    assert await dispatch_all(dispatch) <= 2 * LIMIT
    for _ in range(100):
        assert await dispatch.run() == 0


async def test_each_job_of_a_backlog_is_dispatched_once_in_its_turn(
    dispatch: BoundedDispatch, table: FakeJobTable, dispatcher: FakeDispatcher
) -> None:
    jobs = [table.add(run_at=number - 1000.0) for number in range(7 * LIMIT)]
    while await dispatch_all(dispatch):
        dispatcher.queues.clear()
    assert [one.reference for one in dispatcher.sent] == [job.reference for job in jobs]


async def test_an_urgent_job_is_dispatched_although_others_fill_the_queue(
    dispatch: BoundedDispatch, table: FakeJobTable, dispatcher: FakeDispatcher
) -> None:
    for _ in range(5 * LIMIT):
        table.add(priority=5)
    await dispatch_all(dispatch)
    urgent = table.add(priority=4)
    assert await dispatch.run() == 1
    assert dispatcher.sent[-1].reference == urgent.reference


async def test_a_full_queue_does_not_delay_the_other(
    dispatch: BoundedDispatch, table: FakeJobTable, dispatcher: FakeDispatcher
) -> None:
    for _ in range(5 * LIMIT):
        table.add(queue=JobQueueName.USER, priority=0)
    await dispatch_all(dispatch)
    mail = table.add(queue=JobQueueName.SYSTEM, priority=9)
    assert await dispatch.run() == 1
    assert dispatcher.sent[-1].reference == mail.reference


async def test_new_jobs_of_a_full_queue_wait_for_their_turn(
    dispatch: BoundedDispatch, table: FakeJobTable, dispatcher: FakeDispatcher
) -> None:
    for _ in range(5 * LIMIT):
        table.add(queue=JobQueueName.USER)
    await dispatch_all(dispatch)
    new = [Dispatch(JobReference(new_id(), 0), queue, 5, "echo") for queue in JobQueueName]
    await dispatcher.offer(new, KINDS.known)
    assert [one for one in new if one in dispatcher.sent] == new[:1]
    assert new[0].queue is JobQueueName.SYSTEM


async def test_new_jobs_wait_while_more_are_due_than_one_batch_has(
    dispatch: BoundedDispatch, table: FakeJobTable, dispatcher: FakeDispatcher
) -> None:
    dispatch._batch = 2
    for _ in range(3):
        table.add(queue=JobQueueName.USER)
    new = [Dispatch(JobReference(new_id(), 0), queue, 5, "echo") for queue in JobQueueName]
    assert await dispatch.run() == 2
    await dispatcher.offer(new, KINDS.known)
    assert [one.queue for one in new if one in dispatcher.sent] == [JobQueueName.SYSTEM]


async def test_a_queue_that_runs_empty_is_refilled_at_once(
    dispatch: BoundedDispatch, table: FakeJobTable, dispatcher: FakeDispatcher
) -> None:
    for _ in range(5 * LIMIT):
        table.add()
    await dispatch_all(dispatch)
    waiting = asyncio.create_task(dispatch.wait(3600))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    dispatch.refill()
    assert await asyncio.wait_for(waiting, 5) == 0
    dispatcher.queues.clear()
    assert await dispatch.run() > 0


async def test_a_full_queue_is_not_looked_at_all_the_time_once_a_job_of_it_is_due(
    dispatch: BoundedDispatch, table: FakeJobTable
) -> None:
    for _ in range(5 * LIMIT):
        table.add()
    await dispatch_all(dispatch)
    table.add(run_at=table.now + 0.01)  # as a retry: no room for it either
    began, turns = monotonic(), 0
    while monotonic() - began < 0.5:
        await dispatch.run()
        await dispatch.wait(0.5)
        turns += 1
    assert turns <= 0.5 / FRUITLESS_PAUSE_S + 2


async def test_a_job_that_becomes_due_ends_the_wait(
    dispatch: BoundedDispatch, table: FakeJobTable
) -> None:
    await dispatch.run()
    assert 0 < await dispatch.wait(1) <= 1
    table.add()
    assert await dispatch.wait(1) == 0


async def test_a_due_job_that_cannot_be_marked_is_looked_for_at_intervals(
    dispatch: BoundedDispatch, table: FakeJobTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def mark_none(*_: object, **__: object) -> tuple[()]:
        return ()

    monkeypatch.setattr(FakeDueJobs, "mark_due", mark_none)  # its row is locked
    table.add()
    pauses = []
    for _ in range(4):
        await dispatch.run()
        pauses.append(await dispatch.wait(1))
    assert pauses == [0, FRUITLESS_PAUSE_S, 0, FRUITLESS_PAUSE_S]
