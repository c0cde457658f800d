"""The relay, over the fakes."""

from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import pytest

from jubilee.domain.errors import Unavailable
from jubilee.domain.events import EventRelay
from jubilee.domain.jobs import redelivery
from jubilee.domain.jobs.bounded_dispatch import BATCH_SIZE, BoundedDispatch
from jubilee.domain.jobs.cancellation import JobCanceller
from jubilee.domain.jobs.kinds import JobKinds, JobQueueName, KindSet
from jubilee.domain.jobs.redelivery import LostMessageCheck
from jubilee.domain.jobs.relay import Relay
from jubilee.domain.jobs.retries import lease_expired_error
from jubilee.domain.jobs.store import Dispatch
from jubilee.domain.jobs.sweeper import LeaseSweeper
from tests.domain.jobs.job_harness import CLOSED, ScriptedKind, return_at_once
from tests.fakes.due_jobs import FakeDispatcher, FakeDueJobs
from tests.fakes.job_store import FakeJobStore
from tests.fakes.job_table import FakeCancellation, FakeJobTable


@dataclass(slots=True)
class FakeEventRelay(EventRelay):
    """Count the events that wait and that are old enough to be pruned."""

    waiting: int = 0
    old: int = 0
    days: list[float] = field(default_factory=list)

    async def publish(self, *, limit: int) -> int:
        published = min(self.waiting, limit)
        self.waiting -= published
        return published

    async def prune(self, *, days: float, limit: int) -> int:
        self.days.append(days)
        pruned = min(self.old, limit)
        self.old -= pruned
        return pruned


@pytest.fixture
def events() -> FakeEventRelay:
    return FakeEventRelay()


@pytest.fixture
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check a page of unclaimed jobs in every round."""
    monkeypatch.setattr(redelivery, "CHECK_INTERVAL_S", 0)


@pytest.fixture
def redelivered() -> list[int]:
    """The numbers of jobs that were sent again, as they are reported."""
    return []


@pytest.fixture
def relay(
    table: FakeJobTable,
    dispatcher: FakeDispatcher,
    events: FakeEventRelay,
    redelivered: list[int],
) -> Relay:
    due, kinds = FakeDueJobs(table), JobKinds([ScriptedKind(return_at_once, name="echo")])
    redelivery = LostMessageCheck(due, dispatcher, kinds, monotonic, redelivered.append)
    all_kinds = JobKinds([ScriptedKind(return_at_once, name=name) for name in ("echo", "mail")])
    sweeper = LeaseSweeper(due, JobCanceller(all_kinds, FakeCancellation(table)))
    slots = dict.fromkeys(JobQueueName, 1000)
    dispatch = BoundedDispatch(due, dispatcher, kinds, redelivery, slots)
    return Relay(due, events, dispatch, sweeper, retention_days=7)


async def test_due_jobs_of_known_kinds_are_dispatched(
    relay: Relay, table: FakeJobTable, dispatcher: FakeDispatcher
) -> None:
    job = table.add(priority=2, queue=JobQueueName.SYSTEM)
    table.add(kind="unknown.kind")
    table.add(run_at=60)
    assert await relay.dispatch() == 1
    sent = [Dispatch(job.reference, JobQueueName.SYSTEM, 2, "echo")]
    assert dispatcher.queues == {KindSet(frozenset({"echo"})): sent}
    assert await relay.dispatch() == 0


async def test_dispatching_is_done_in_batches(
    relay: Relay, table: FakeJobTable, dispatcher: FakeDispatcher
) -> None:
    for _ in range(BATCH_SIZE + 1):
        table.add()
    assert [await relay.dispatch() for _ in range(3)] == [BATCH_SIZE, 1, 0]
    assert len(set(dispatcher.sent)) == BATCH_SIZE + 1


async def test_a_job_that_the_dispatcher_lost_is_sent_again(
    relay: Relay, table: FakeJobTable, dispatcher: FakeDispatcher
) -> None:
    job = table.add()
    dispatcher.failures.append(Unavailable())
    with pytest.raises(Unavailable):
        await relay.dispatch()
    await relay.seconds_to_next(1)
    assert dispatcher.sent == []
    table.now += 2.1
    await relay.seconds_to_next(1)
    assert [dispatch.reference for dispatch in dispatcher.sent] == [job.reference]
    assert await relay.dispatch() == 0


async def test_jobs_that_wait_in_their_queue_are_not_sent_again(
    relay: Relay, table: FakeJobTable, dispatcher: FakeDispatcher, no_pause: None
) -> None:
    jobs = [table.add() for _ in range(2 * BATCH_SIZE)]
    while await relay.dispatch():
        pass
    dispatcher.sent.clear()
    table.now += 3600
    for _ in range(4):
        await relay.seconds_to_next(1)
    assert (dispatcher.sent, jobs[0].dispatched_at) == ([], 0)


async def test_a_lost_queue_is_sent_again_in_one_round_and_counted(
    relay: Relay, table: FakeJobTable, dispatcher: FakeDispatcher, redelivered: list[int]
) -> None:
    for _ in range(3 * BATCH_SIZE + 7):
        table.add(dispatched_at=-3.0)
    await relay.seconds_to_next(1)
    assert len(set(dispatcher.sent)) == len(dispatcher.sent) == 3 * BATCH_SIZE + 7
    assert sum(redelivered) == len(dispatcher.sent)


async def test_one_lost_message_among_many_is_found_page_by_page(
    relay: Relay, table: FakeJobTable, dispatcher: FakeDispatcher, no_pause: None
) -> None:
    jobs = [
        table.add(dispatched_at=-3.0, run_at=-10.0 + n / 1000) for n in range(2 * BATCH_SIZE + 1)
    ]
    await relay.seconds_to_next(1)
    (queue,) = dispatcher.queues.values()
    lost = queue.pop()
    assert lost.reference == jobs[-1].reference
    dispatcher.sent.clear()
    for _ in range(3):
        await relay.seconds_to_next(1)
    assert dispatcher.sent == [lost]


async def test_a_check_that_redis_did_not_answer_is_repeated(
    relay: Relay, table: FakeJobTable, dispatcher: FakeDispatcher
) -> None:
    table.add(dispatched_at=-3.0)
    dispatcher.failures.append(Unavailable())
    with pytest.raises(Unavailable):
        await relay.seconds_to_next(1)
    await relay.seconds_to_next(1)
    assert len(dispatcher.sent) == 1


async def test_redis_is_checked_once_an_interval(
    relay: Relay, table: FakeJobTable, dispatcher: FakeDispatcher
) -> None:
    table.add(dispatched_at=-3.0)
    await relay.seconds_to_next(1)
    dispatcher.queues.clear()
    await relay.seconds_to_next(1)
    assert len(dispatcher.sent) == 1


async def test_a_job_whose_lease_expired_is_dispatched_with_its_new_epoch(
    relay: Relay, table: FakeJobTable, dispatcher: FakeDispatcher
) -> None:
    job = table.add()
    await relay.dispatch()
    await FakeJobStore(table).claim(job.reference)
    table.now += 31
    assert await relay.sweep() == 1
    await relay.dispatch()
    assert [dispatch.reference.epoch for dispatch in dispatcher.sent] == [0, 1]


async def test_a_cancelled_job_of_a_dead_worker_ends_the_rows_of_its_kind(
    relay: Relay, table: FakeJobTable
) -> None:
    job = table.add(kind="mail", data={"n": 1}, cancel_requested=True, status="running", epoch=1)
    job.lease_until = table.now - 1
    assert [await relay.sweep() for _ in range(2)] == [1, 0]
    assert (job.status, job.finished_at) == ("cancelled", table.now)
    assert job.error == lease_expired_error()
    assert table.rows[CLOSED].data == {"n": 1}


@pytest.mark.parametrize("unreadable", [{"data": None}, {"kind": "unknown.kind"}])
async def test_a_cancelled_job_that_cannot_be_read_ends_alone(
    relay: Relay, table: FakeJobTable, unreadable: dict[str, Any]
) -> None:
    job = table.add(**{"cancel_requested": True, "status": "running", **unreadable})
    job.lease_until = table.now - 1
    assert await relay.sweep() == 1
    assert (job.status, CLOSED in table.rows) == ("cancelled", False)


async def test_pruning_deletes_old_jobs_and_events(
    relay: Relay, table: FakeJobTable, events: FakeEventRelay
) -> None:
    table.add(status="dead", finished_at=-8 * 86_400)
    table.add(status="dead", finished_at=-6 * 86_400)
    events.old = 3
    assert [await relay.prune() for _ in range(2)] == [4, 0]
    assert (len(table.rows), set(events.days)) == (1, {7})


async def test_events_are_published_in_batches(relay: Relay, events: FakeEventRelay) -> None:
    events.waiting = BATCH_SIZE + 1
    assert [await relay.publish() for _ in range(3)] == [BATCH_SIZE, 1, 0]


@pytest.mark.parametrize(("due", "wait"), [(None, 1), (0.25, 0.25), (60, 1)])
async def test_the_relay_waits_until_the_next_job_is_due(
    relay: Relay, table: FakeJobTable, due: float | None, wait: float
) -> None:
    if due is not None:
        table.add(run_at=due)
    assert await relay.seconds_to_next(1) == pytest.approx(wait, abs=0.1)
