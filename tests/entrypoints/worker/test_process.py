"""The worker's loop: periodic work that fails is retried ever later, and a signal drains jobs."""

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from time import monotonic

import pytest

from jubilee.domain.errors import Unavailable
from jubilee.domain.jobs.lease_keeper import Interruption, LeaseKeeper
from jubilee.domain.jobs.runner import Outcome
from jubilee.domain.jobs.store import JobReference
from jubilee.entrypoints.shutdown import ShutdownBudget
from jubilee.entrypoints.worker import periodic_tasks
from jubilee.entrypoints.worker.periodic_tasks import PeriodicTask, run_periodically
from jubilee.entrypoints.worker.process import WorkerPlan, work
from jubilee.entrypoints.worker.watchdog import Watchdog
from tests.adapters.arq.queue_workers import Runs, Site, dispatches, eventually
from tests.fakes.job_store import LEASE_S, FakeJobStore, FakeJobTable
from tests.servers import Servers

ENDED = "the test has seen enough"


class Pauses:
    """How long each pause is that the loop asks for; none of them lasts."""

    def __init__(self, end: int) -> None:
        self.seconds: list[float] = []
        self._end = end

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        if len(self.seconds) >= self._end:
            raise asyncio.CancelledError(ENDED)


async def pauses(
    once: Callable[[], Awaitable[bool]], count: int, monkeypatch: pytest.MonkeyPatch, **more: float
) -> list[float]:
    """The first pauses between runs of the work, which by itself rests for 7 seconds."""

    async def rest() -> float:
        return 7.0

    asked = Pauses(count)
    monkeypatch.setattr(asyncio, "sleep", asked)
    with pytest.raises(asyncio.CancelledError, match=ENDED):
        await run_periodically(PeriodicTask(name="sweep", run=once, pause=rest, **more))
    return asked.seconds


def outcomes(*given: bool | Exception) -> Callable[[], Awaitable[bool]]:
    """Work that ends so, time after time; from the last on it always ends alike."""
    left = list(given)

    async def once() -> bool:
        outcome = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return once


@pytest.mark.parametrize("error", [Unavailable("away"), ZeroDivisionError("a bug")])
async def test_work_that_fails_is_tried_again_ever_later_up_to_a_limit(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    assert await pauses(outcomes(error), 7, monkeypatch) == [0.5, 1, 2, 4, 8, 10, 10]


async def test_what_delays_jobs_is_tried_again_within_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    error = Unavailable("away")
    assert await pauses(outcomes(error), 4, monkeypatch, max_pause_s=1.0) == [0.5, 1, 1, 1]


@pytest.mark.parametrize("error", [Unavailable("away"), ZeroDivisionError("a bug")])
async def test_after_a_success_the_next_failure_is_retried_soon(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    once = outcomes(error, error, False, error, False)
    assert await pauses(once, 5, monkeypatch) == [0.5, 1, 7, 0.5, 7]


async def test_while_there_is_more_to_do_there_is_no_pause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert await pauses(outcomes(True, True, False), 3, monkeypatch) == [0, 0, 7]


async def test_a_dependency_that_is_away_is_one_line_and_a_bug_comes_with_its_stack(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await pauses(outcomes(Unavailable("away"), ZeroDivisionError("a bug")), 2, monkeypatch)
    away, bug = (record for record in caplog.records if record.name == periodic_tasks.__name__)
    assert (away.levelno, away.exc_info, vars(away)["again_in"]) == (logging.WARNING, None, 0.5)
    assert (bug.levelno, bool(bug.exc_info), vars(bug)["again_in"]) == (logging.ERROR, True, 1)


@pytest.fixture
async def site(servers: Servers) -> AsyncIterator[Site]:
    site = Site(servers.redis_url)
    await site.pool.flushall()
    yield site
    await site.close()


@pytest.fixture
def lease_keeper() -> LeaseKeeper:
    return LeaseKeeper(FakeJobStore(FakeJobTable(), kinds=("echo",)), LEASE_S, monotonic)


class HeldRuns(Runs):
    """Runs whose leases are kept, so that a drain can interrupt them."""

    def __init__(self, lease_keeper: LeaseKeeper) -> None:
        super().__init__()
        self._lease_keeper = lease_keeper
        self.interruptions: list[Interruption | None] = []

    async def __call__(self, reference: JobReference, on_claim: Callable[[], None]) -> Outcome:
        task = asyncio.ensure_future(super().__call__(reference, on_claim))
        with self._lease_keeper.hold(reference, task, monotonic()) as running:  # type: ignore[arg-type]  # it is only cancelled
            try:
                return await task
            except asyncio.CancelledError:
                self.interruptions.append(running.interruption)
                return Outcome.SUCCEEDED


def plan(site: Site, runs: Runs, lease_keeper: LeaseKeeper, drain: float) -> WorkerPlan:
    """One worker for the site's queue; `site.close` finds it."""
    queue = site.build(slots=3, runs=runs)
    return WorkerPlan(
        queues=[queue],
        lease_keeper=lease_keeper,
        periodic_tasks=[],
        watchdog=Watchdog(60),
        shutdown=ShutdownBudget(drain_s=drain),
    )


async def started(
    site: Site, runs: Runs, lease_keeper: LeaseKeeper, drain: float
) -> asyncio.Task[int]:
    """A worker that runs one job."""
    working = asyncio.create_task(work(plan(site, runs, lease_keeper, drain)))
    await site.send(dispatches(1))
    await eventually(lambda: len(runs.started) == 1)
    return working


def tell_to_end() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


async def test_a_signal_lets_running_jobs_end_and_starts_none(
    site: Site, lease_keeper: LeaseKeeper
) -> None:
    runs = HeldRuns(lease_keeper)
    runs.gate.clear()
    working = await started(site, runs, lease_keeper, drain=30)
    tell_to_end()
    await asyncio.sleep(0.2)
    await site.send(dispatches(1))
    await asyncio.sleep(0.3)
    assert (working.done(), len(runs.started)) == (False, 1)
    runs.gate.set()
    assert await asyncio.wait_for(working, 5) == 0
    assert (len(runs.ended), runs.interruptions) == (1, [])


async def test_what_does_not_end_in_time_is_given_back(
    site: Site, lease_keeper: LeaseKeeper
) -> None:
    runs = HeldRuns(lease_keeper)
    runs.gate.clear()
    working, told = await started(site, runs, lease_keeper, drain=0.5), monotonic()
    tell_to_end()
    assert await asyncio.wait_for(working, 5) == 0
    assert 0.5 <= monotonic() - told < 4
    assert (runs.ended, runs.interruptions) == ([], [Interruption.DRAINED])


async def test_a_second_signal_gives_back_at_once(site: Site, lease_keeper: LeaseKeeper) -> None:
    runs = HeldRuns(lease_keeper)
    runs.gate.clear()
    working = await started(site, runs, lease_keeper, drain=60)
    tell_to_end()
    await asyncio.sleep(0.2)
    assert not working.done()
    tell_to_end()
    assert await asyncio.wait_for(working, 5) == 0
    assert runs.interruptions == [Interruption.DRAINED]
