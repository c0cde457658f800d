"""Waiting for jobs: it ends when they do, when time is up, or when the service ends."""

import asyncio
from collections.abc import Collection
from contextvars import ContextVar
from dataclasses import dataclass, field
from time import monotonic
from uuid import UUID

import pytest

from jubilee.domain.errors import Unavailable
from jubilee.domain.identity import UserId
from jubilee.domain.jobs import waiter as module
from jubilee.domain.jobs.waiter import JobWaiter, LiveJobReader
from tests.fakes.store import fresh_id

ZOE, MAX = UserId(fresh_id()), UserId(fresh_id())
caller: ContextVar[str] = ContextVar("caller", default="nobody")


@dataclass
class Jobs(LiveJobReader):
    """Says which live, and remembers what it was asked."""

    running: set[UUID] = field(default_factory=set)
    asked: list[set[UUID]] = field(default_factory=list)
    callers: set[str] = field(default_factory=set)
    away: int = 0

    async def live(self, ids: Collection[UUID]) -> Collection[UUID]:
        self.asked.append(set(ids))
        self.callers.add(caller.get())
        if self.away:
            self.away -= 1
            raise Unavailable
        return self.running & set(ids)


def never() -> bool:
    return False


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "POLL_INTERVAL_S", 0.005)
    monkeypatch.setattr(module, "RETRY_INTERVAL_S", 0.01)


async def idle(jobs: Jobs) -> bool:
    """Whether nobody is asked any more."""
    await asyncio.sleep(0.02)
    before = len(jobs.asked)
    await asyncio.sleep(0.03)
    return len(jobs.asked) == before


async def test_one_statement_asks_for_all_that_are_waited_for() -> None:
    first, second = fresh_id(), fresh_id()
    jobs = Jobs({first, second})
    waiting = JobWaiter(jobs)
    waits = [
        asyncio.create_task(waiting.wait(i, 5, never, by=ZOE)) for i in (first, second, second)
    ]
    await asyncio.sleep(0.05)
    assert jobs.asked[0] == {first, second}
    assert not any(wait.done() for wait in waits)
    jobs.running = {first}
    await asyncio.wait_for(asyncio.gather(*waits[1:]), 1)
    assert not waits[0].done()
    jobs.running = set()
    await asyncio.wait_for(waits[0], 1)
    assert await idle(jobs)


async def test_the_wait_is_over_in_time_and_nobody_asks_any_more() -> None:
    job = fresh_id()
    jobs = Jobs({job})
    began = monotonic()
    await JobWaiter(jobs).wait(job, 0.05, never, by=ZOE)
    assert 0.05 <= monotonic() - began < 1
    assert await idle(jobs)


async def with_no_place_left(jobs: Jobs, job: UUID) -> tuple[JobWaiter, list[asyncio.Task[None]]]:
    """Zoe has two places, and is not given a third."""
    waiting = JobWaiter(jobs)
    waits = [asyncio.create_task(waiting.wait(job, 5, never, by=ZOE)) for _ in range(2)]
    await asyncio.sleep(0)
    await asyncio.wait_for(waiting.wait(job, 5, never, by=ZOE), 0.5)
    return waiting, waits


async def test_whoever_comes_when_all_places_are_taken_goes_on_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 2)
    job = fresh_id()
    jobs = Jobs({job})
    waiting, waits = await with_no_place_left(jobs, job)
    jobs.running.clear()
    await asyncio.wait_for(asyncio.gather(*waits), 1)
    assert waiting._waiters == set()


async def test_one_account_leaves_places_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WAITING_PER_USER", 2)
    job = fresh_id()
    jobs = Jobs({job})
    waiting, waits = await with_no_place_left(jobs, job)
    other = asyncio.create_task(waiting.wait(job, 5, never, by=MAX))
    await asyncio.sleep(0.02)
    assert not other.done()
    jobs.running.clear()
    await asyncio.wait_for(asyncio.gather(*waits, other), 1)


async def test_the_question_is_not_asked_in_the_name_of_who_came_first() -> None:
    caller.set("zoe")
    jobs = Jobs()
    await asyncio.wait_for(JobWaiter(jobs).wait(fresh_id(), 5, never, by=ZOE), 1)
    assert jobs.callers == {"nobody"}


async def test_all_are_let_go_when_the_service_ends() -> None:
    job, ending = fresh_id(), asyncio.Event()
    jobs = Jobs({job})
    waiting = JobWaiter(jobs)
    waits = [asyncio.create_task(waiting.wait(job, 5, ending.is_set, by=ZOE)) for _ in range(3)]
    await asyncio.sleep(0.02)
    ending.set()
    await asyncio.wait_for(asyncio.gather(*waits), 1)
    await asyncio.wait_for(waiting.wait(job, 5, ending.is_set, by=ZOE), 0.5)


async def test_an_outage_is_waited_through() -> None:
    jobs = Jobs(away=2)
    await asyncio.wait_for(JobWaiter(jobs).wait(fresh_id(), 5, never, by=ZOE), 1)
    assert len(jobs.asked) == 3


async def test_a_caller_that_goes_away_leaves_its_place() -> None:
    job = fresh_id()
    jobs = Jobs({job})
    waiting = JobWaiter(jobs)
    wait = asyncio.create_task(waiting.wait(job, 5, never, by=ZOE))
    await asyncio.sleep(0.02)
    wait.cancel()
    with pytest.raises(asyncio.CancelledError):
        await wait
    assert waiting._waiters == set()
    assert await idle(jobs)
