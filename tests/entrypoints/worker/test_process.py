"""The worker process: retries of failing periodic tasks, and draining on a signal."""

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
from jubilee.entrypoints.processes.watchdog import Watchdog
from jubilee.entrypoints.shutdown import ShutdownBudget
from jubilee.entrypoints.worker import periodic_tasks
from jubilee.entrypoints.worker.periodic_tasks import PeriodicTask, run_periodically
from jubilee.entrypoints.worker.process import WorkerPlan, work
from tests.adapters.redis.arq.queue_workers import (
    QueueSite,
    Runs,
    dispatches,
    eventually,
    open_site,
)
from tests.fakes.job_store import LEASE_S, FakeJobStore
from tests.fakes.job_table import FakeJobTable
from tests.servers import Servers
from tests.support.sleeping import replace_sleep

STOPPED = "stopped by the test"


class Pauses:
    """Record the requested pauses without sleeping; cancel after `end` of them."""

    def __init__(self, end: int) -> None:
        self.seconds: list[float] = []
        self._end = end

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        if len(self.seconds) >= self._end:
            raise asyncio.CancelledError(STOPPED)


async def pauses(
    once: Callable[[], Awaitable[bool]], count: int, monkeypatch: pytest.MonkeyPatch, **more: float
) -> list[float]:
    """Return the first pauses between runs of a task whose normal pause is 7 seconds."""

    async def normal_pause() -> float:
        return 7.0

    recorded = Pauses(count)
    replace_sleep(monkeypatch, recorded)
    with pytest.raises(asyncio.CancelledError, match=STOPPED):
        await run_periodically(PeriodicTask(name="sweep", run=once, pause=normal_pause, **more))
    return recorded.seconds


def outcomes(*results: bool | Exception) -> Callable[[], Awaitable[bool]]:
    """Return a task with these outcomes in turn; the last one repeats."""
    remaining = list(results)

    async def once() -> bool:
        outcome = remaining.pop(0) if len(remaining) > 1 else remaining[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return once


@pytest.mark.parametrize("error", [Unavailable("away"), ZeroDivisionError("a bug")])
async def test_a_failing_task_is_retried_with_growing_pauses(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    assert await pauses(outcomes(error), 7, monkeypatch) == [0.5, 1, 2, 4, 8, 10, 10]


async def test_a_tasks_own_maximum_pause_limits_the_retries(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    error = Unavailable("away")
    assert await pauses(outcomes(error), 4, monkeypatch, max_pause_s=1.0) == [0.5, 1, 1, 1]


@pytest.mark.parametrize("error", [Unavailable("away"), ZeroDivisionError("a bug")])
async def test_a_success_resets_the_pause(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    once = outcomes(error, error, False, error, False)
    assert await pauses(once, 5, monkeypatch) == [0.5, 1, 7, 0.5, 7]


async def test_a_task_with_more_work_has_no_pause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert await pauses(outcomes(True, True, False), 3, monkeypatch) == [0, 0, 7]


async def test_an_outage_is_logged_as_a_warning_and_a_bug_with_its_stack(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await pauses(outcomes(Unavailable("away"), ZeroDivisionError("a bug")), 2, monkeypatch)
    outage, bug = (record for record in caplog.records if record.name == periodic_tasks.__name__)
    assert (outage.levelno, outage.exc_info, vars(outage)["again_in"]) == (
        logging.WARNING,
        None,
        0.5,
    )
    assert (bug.levelno, bool(bug.exc_info), vars(bug)["again_in"]) == (logging.ERROR, True, 1)


@pytest.fixture
async def site(servers: Servers) -> AsyncIterator[QueueSite]:
    async with open_site(servers.redis_url) as site:
        yield site


@pytest.fixture
def lease_keeper() -> LeaseKeeper:
    return LeaseKeeper(FakeJobStore(FakeJobTable(), kinds=("echo",)), LEASE_S, monotonic)


class HeldRuns(Runs):
    """Runs that hold leases, so that a drain can interrupt them."""

    def __init__(self, lease_keeper: LeaseKeeper) -> None:
        super().__init__()
        self._lease_keeper = lease_keeper
        self.interruptions: list[Interruption | None] = []

    async def __call__(self, reference: JobReference, on_claim: Callable[[], None]) -> Outcome:
        task = asyncio.ensure_future(super().__call__(reference, on_claim))
        with self._lease_keeper.hold(reference, task, monotonic()) as running:  # type: ignore[arg-type]  # only cancelled
            try:
                return await task
            except asyncio.CancelledError:
                self.interruptions.append(running.interruption)
                return Outcome.SUCCEEDED


def plan(site: QueueSite, runs: Runs, lease_keeper: LeaseKeeper, drain: float) -> WorkerPlan:
    """Return the plan of a worker for the site's queue; `site.close` stops it."""
    queue = site.build(slots=3, runs=runs)
    return WorkerPlan(
        queues=[queue],
        lease_keeper=lease_keeper,
        periodic_tasks=[],
        watchdog=Watchdog(60),
        shutdown=ShutdownBudget(drain_s=drain, cancel_s=30),
    )


async def started(
    site: QueueSite, runs: Runs, lease_keeper: LeaseKeeper, drain: float
) -> asyncio.Task[int]:
    """Start a worker and one job on it."""
    working = asyncio.create_task(work(plan(site, runs, lease_keeper, drain)))
    await site.send(dispatches(1))
    await eventually(lambda: len(runs.started) == 1)
    return working


def send_sigterm() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


async def test_a_signal_drains_running_jobs_and_starts_none(
    site: QueueSite, lease_keeper: LeaseKeeper
) -> None:
    runs = HeldRuns(lease_keeper)
    runs.gate.clear()
    working = await started(site, runs, lease_keeper, drain=30)
    send_sigterm()
    await asyncio.sleep(0.2)
    await site.send(dispatches(1))
    await asyncio.sleep(0.3)
    assert (working.done(), len(runs.started)) == (False, 1)
    runs.gate.set()
    assert await asyncio.wait_for(working, 30) == 0
    assert (len(runs.ended), runs.interruptions) == (1, [])


async def test_jobs_that_do_not_end_in_time_are_released(
    site: QueueSite, lease_keeper: LeaseKeeper
) -> None:
    runs = HeldRuns(lease_keeper)
    runs.gate.clear()
    working, began = await started(site, runs, lease_keeper, drain=0.5), monotonic()
    send_sigterm()
    assert await asyncio.wait_for(working, 30) == 0
    assert 0.5 <= monotonic() - began < 30
    assert (runs.ended, runs.interruptions) == ([], [Interruption.DRAINED])


async def test_a_second_signal_releases_jobs_at_once(
    site: QueueSite, lease_keeper: LeaseKeeper
) -> None:
    runs = HeldRuns(lease_keeper)
    runs.gate.clear()
    working = await started(site, runs, lease_keeper, drain=60)
    send_sigterm()
    await asyncio.sleep(0.2)
    assert not working.done()
    send_sigterm()
    assert await asyncio.wait_for(working, 30) == 0
    assert runs.interruptions == [Interruption.DRAINED]
