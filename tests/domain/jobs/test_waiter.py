"""Waiting for jobs: until they end, the time is up, or the service shuts down."""

import asyncio
from collections.abc import Collection
from contextvars import ContextVar
from dataclasses import dataclass, field
from time import monotonic
from uuid import UUID

import pytest

from jubilee.adapters.ids import new_id
from jubilee.domain.errors import Unavailable
from jubilee.domain.identity import UserId
from jubilee.domain.jobs import waiter as module
from jubilee.domain.jobs.waiter import JobWaiter, LiveJobReader

ZOE, MAX = UserId(new_id()), UserId(new_id())
caller: ContextVar[str] = ContextVar("caller", default="unset")


@dataclass
class RecordingJobs(LiveJobReader):
    """Record the questions and answer which jobs are live; raise `outages` times first."""

    running: set[UUID] = field(default_factory=set)
    questions: list[set[UUID]] = field(default_factory=list)
    callers: set[str] = field(default_factory=set)
    outages: int = 0

    async def live(self, ids: Collection[UUID]) -> Collection[UUID]:
        self.questions.append(set(ids))
        self.callers.add(caller.get())
        if self.outages:
            self.outages -= 1
            raise Unavailable
        return self.running & set(ids)


def never() -> bool:
    return False


@pytest.fixture(autouse=True)
def short_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "POLL_INTERVAL_S", 0.005)
    monkeypatch.setattr(module, "RETRY_INTERVAL_S", 0.01)


async def has_stopped_polling(jobs: RecordingJobs) -> bool:
    """Return whether the polling has stopped."""
    await asyncio.sleep(0.02)
    before = len(jobs.questions)
    await asyncio.sleep(0.03)
    return len(jobs.questions) == before


async def test_one_statement_polls_all_jobs_that_are_waited_for() -> None:
    first, second = new_id(), new_id()
    jobs = RecordingJobs({first, second})
    waiter = JobWaiter(jobs)
    waits = [
        asyncio.create_task(waiter.wait(i, 60, never, by=ZOE)) for i in (first, second, second)
    ]
    await asyncio.sleep(0.05)
    assert jobs.questions[0] == {first, second}
    assert not any(wait.done() for wait in waits)
    jobs.running = {first}
    await asyncio.wait_for(asyncio.gather(*waits[1:]), 30)
    assert not waits[0].done()
    jobs.running = set()
    await asyncio.wait_for(waits[0], 30)
    assert await has_stopped_polling(jobs)


async def test_a_wait_that_times_out_stops_polling() -> None:
    job = new_id()
    jobs = RecordingJobs({job})
    began = monotonic()
    await JobWaiter(jobs).wait(job, 0.05, never, by=ZOE)
    assert 0.05 <= monotonic() - began < 15
    assert await has_stopped_polling(jobs)


async def waits_at_the_limit(
    jobs: RecordingJobs, job: UUID
) -> tuple[JobWaiter, list[asyncio.Task[None]]]:
    """Start Zoe's two waits, and see her third return at once."""
    waiter = JobWaiter(jobs)
    waits = [asyncio.create_task(waiter.wait(job, 60, never, by=ZOE)) for _ in range(2)]
    await asyncio.sleep(0)
    await asyncio.wait_for(waiter.wait(job, 60, never, by=ZOE), 30)
    return waiter, waits


async def test_a_wait_beyond_the_limit_returns_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_WAITERS", 2)
    job = new_id()
    jobs = RecordingJobs({job})
    waiter, waits = await waits_at_the_limit(jobs, job)
    jobs.running.clear()
    await asyncio.wait_for(asyncio.gather(*waits), 30)
    assert waiter._waiters == set()


async def test_the_limit_of_one_account_does_not_affect_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_WAITERS_PER_USER", 2)
    job = new_id()
    jobs = RecordingJobs({job})
    waiter, waits = await waits_at_the_limit(jobs, job)
    other = asyncio.create_task(waiter.wait(job, 60, never, by=MAX))
    await asyncio.sleep(0.02)
    assert not other.done()
    jobs.running.clear()
    await asyncio.wait_for(asyncio.gather(*waits, other), 30)


async def test_polling_does_not_run_in_the_context_of_the_first_caller() -> None:
    caller.set("zoe")
    jobs = RecordingJobs()
    await asyncio.wait_for(JobWaiter(jobs).wait(new_id(), 60, never, by=ZOE), 30)
    assert jobs.callers == {"unset"}


async def test_shutdown_ends_all_waits() -> None:
    job, ending = new_id(), asyncio.Event()
    jobs = RecordingJobs({job})
    waiter = JobWaiter(jobs)
    waits = [asyncio.create_task(waiter.wait(job, 60, ending.is_set, by=ZOE)) for _ in range(3)]
    await asyncio.sleep(0.02)
    ending.set()
    await asyncio.wait_for(asyncio.gather(*waits), 30)
    await asyncio.wait_for(waiter.wait(job, 60, ending.is_set, by=ZOE), 30)


async def test_polling_continues_after_an_outage() -> None:
    jobs = RecordingJobs(outages=2)
    await asyncio.wait_for(JobWaiter(jobs).wait(new_id(), 60, never, by=ZOE), 30)
    assert len(jobs.questions) == 3


async def test_a_cancelled_wait_frees_its_place() -> None:
    job = new_id()
    jobs = RecordingJobs({job})
    waiter = JobWaiter(jobs)
    wait = asyncio.create_task(waiter.wait(job, 60, never, by=ZOE))
    await asyncio.sleep(0.02)
    wait.cancel()
    with pytest.raises(asyncio.CancelledError):
        await wait
    assert waiter._waiters == set()
    assert await has_stopped_polling(jobs)
