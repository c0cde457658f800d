"""The worker as a process: lanes take jobs, the relay sees to those that nobody took."""

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from random import uniform
from typing import Any, Protocol

from jubilee.domain.errors import Unavailable
from jubilee.domain.greetings.planning import GreetingPlanner
from jubilee.domain.jobs.backlog import BacklogReader, WorkerInfo, WorkerRegistry
from jubilee.domain.jobs.lease_keeper import LeaseKeeper
from jubilee.domain.jobs.relay import BATCH, Relay
from jubilee.domain.retention import Retention
from jubilee.entrypoints.worker.watchdog import Watchdog
from jubilee.observation.jobs import RelayObserver

SIGNALS = (signal.SIGINT, signal.SIGTERM)
ABANDON_TIMEOUT_S = 6.0  # seconds for jobs that are told to stop, past the time-out for draining
FAREWELL_S = 1.0  # seconds for the chores, and again for jobs that listen to nobody
HEARTBEAT_INTERVAL_S = 10.0  # seconds between two signs of life
BACKLOG_INTERVAL_S = 15.0  # seconds between two looks at the backlog
MAX_PAUSE_S = 10.0  # seconds after a dependency failed
PROMPT_REST = 1.0  # seconds, for what delays jobs while it rests

logger = logging.getLogger(__name__)


class QueueWorker(Protocol):
    """Takes jobs from one queue."""

    @property
    def running_jobs(self) -> int:
        """The number of jobs that are being claimed or run."""

    async def main(self) -> None:
        """Take and run jobs until stopped or cancelled."""

    def stop(self) -> None:
        """Take no more jobs."""

    async def finished(self) -> None:
        """Wait until all taken jobs have ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodicTask:
    """Something to be done again and again; `once` says whether there is more of it right now."""

    name: str
    run: Callable[[], Awaitable[bool]]
    pause: Callable[[], Awaitable[float]]
    max_pause_s: float = MAX_PAUSE_S
    """Seconds between two tries while a dependency is away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerPlan:
    """What a worker does; `drain` seconds is what running jobs have left after a signal."""

    queues: Sequence[QueueWorker]
    lease_keeper: LeaseKeeper
    periodic_tasks: Sequence[PeriodicTask]
    watchdog: Watchdog
    drain: float


async def work(plan: WorkerPlan) -> int:
    """Run until a signal; a second one ends it at once. The exit code."""
    stop, before = asyncio.Event(), asyncio.all_tasks()
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, stop.set)
    background = [
        asyncio.create_task(_repeat(periodic_task)) for periodic_task in plan.periodic_tasks
    ]
    background.append(asyncio.create_task(plan.watchdog.run()))
    queues = [asyncio.create_task(queue.main()) for queue in plan.queues]
    logger.info("waiting for jobs")
    await stop.wait()
    stop.clear()
    await _drain(plan, stop)
    for task in (*background, *queues):
        task.cancel()
    await asyncio.wait((*background, *queues), timeout=FAREWELL_S)
    await _leave_behind(asyncio.all_tasks() - before)
    return 0


async def _drain(plan: WorkerPlan, stop: asyncio.Event) -> None:
    """Let running jobs end; give back what cannot, without counting it as an attempt."""
    for queue in plan.queues:
        queue.stop()
    logger.info("draining", extra={"jobs": sum(queue.running_jobs for queue in plan.queues)})
    with suppress(TimeoutError):
        async with asyncio.timeout(plan.drain):
            await _first(stop.wait(), _all_finished(plan.queues))
    plan.lease_keeper.drain()
    with suppress(TimeoutError):
        async with asyncio.timeout(ABANDON_TIMEOUT_S):
            await _all_finished(plan.queues)


async def _leave_behind(jobs: Collection[asyncio.Task[Any]]) -> None:
    """One that listens to nobody would keep the process from its end, and no lease protects it."""
    for job in jobs:
        job.cancel()
    deaf = (await asyncio.wait(jobs, timeout=FAREWELL_S))[1] if jobs else ()
    if deaf:
        logger.warning("ending without jobs that do not end", extra={"jobs": len(deaf)})
        logging.shutdown()  # what follows lets nobody else tidy up
        os._exit(0)


async def _all_finished(queues: Sequence[QueueWorker]) -> None:
    for queue in queues:
        await queue.finished()


async def _first(*works: Coroutine[Any, Any, object]) -> None:
    tasks = [asyncio.create_task(work) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


async def _repeat(periodic_task: PeriodicTask) -> None:
    """Whatever is away, and whatever goes wrong: say so, rest ever longer, go on."""
    rest = 0.5
    while True:
        try:
            more = await periodic_task.run()
            pause = 0.0 if more else await periodic_task.pause()
            rest = 0.5
        except Unavailable:
            extra = {"chore": periodic_task.name, "again_in": rest}
            logger.warning("a dependency is away", extra=extra)
            pause, rest = rest, min(rest * 2, periodic_task.max_pause_s)
        except Exception:
            extra = {"chore": periodic_task.name, "again_in": rest}
            logger.exception("a chore failed", extra=extra)
            pause, rest = rest, min(rest * 2, periodic_task.max_pause_s)
        await asyncio.sleep(pause)


class WorkerBoard(BacklogReader, WorkerRegistry, Protocol):
    """Where workers sign, and where what waits is to be seen."""


def relay_tasks(
    relay: Relay, lease_keeper: LeaseKeeper, meter: RelayObserver
) -> Sequence[PeriodicTask]:
    """What every worker sees to."""

    async def dispatch() -> bool:
        count = await relay.dispatch()
        meter.dispatched(count)
        return count >= BATCH

    async def sweep() -> bool:
        count = await relay.sweep()
        meter.rescued(count)
        return count >= BATCH

    return (
        _prompt("heartbeat", _no_more(lease_keeper.heartbeat), _each(lease_keeper.interval)),
        _prompt("dispatch", dispatch, lambda: relay.seconds_to_next(1.0)),
        _prompt("sweep", sweep, _each(lease_keeper.interval / 2)),
        PeriodicTask(name="events", run=_full(relay.publish), pause=_each(1.0)),
        PeriodicTask(name="retention", run=_any(relay.prune), pause=_each(60.0)),
    )


def _prompt(
    name: str, once: Callable[[], Awaitable[bool]], rest: Callable[[], Awaitable[float]]
) -> PeriodicTask:
    return PeriodicTask(name=name, run=once, pause=rest, max_pause_s=PROMPT_REST)


def heartbeat_tasks(
    board: WorkerBoard, worker: WorkerInfo, meter: RelayObserver
) -> Sequence[PeriodicTask]:
    """That this worker is alive, and what waits for all of them."""

    async def sign() -> bool:
        await board.heartbeat(worker)
        return False

    async def look() -> bool:
        meter.record_backlog(await board())
        return False

    return (
        PeriodicTask(name="sign of life", run=sign, pause=_each(HEARTBEAT_INTERVAL_S)),
        PeriodicTask(name="backlog", run=look, pause=_each(BACKLOG_INTERVAL_S)),
    )


def calendar_chores(
    retention: Retention, planner: GreetingPlanner | None
) -> Sequence[PeriodicTask]:
    """What leaves in time; and, where mail can be sent, whose hour has come."""
    periodic_tasks = [PeriodicTask(name="leftovers", run=_any(retention.sweep), pause=_each(60.0))]
    if planner is not None:
        periodic_tasks.append(
            PeriodicTask(name="greetings", run=_any(planner.plan), pause=_each(60.0))
        )
    return periodic_tasks


def _each(seconds: float) -> Callable[[], Awaitable[float]]:
    async def rest() -> float:
        return seconds * uniform(0.9, 1.1)  # noqa: S311  # so that workers do not march in step

    return rest


def _full(once: Callable[[], Awaitable[int]]) -> Callable[[], Awaitable[bool]]:
    async def more() -> bool:
        return await once() >= BATCH

    return more


def _any(once: Callable[[], Awaitable[int]]) -> Callable[[], Awaitable[bool]]:
    async def more() -> bool:
        return await once() > 0

    return more


def _no_more(once: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[bool]]:
    async def more() -> bool:
        await once()
        return False

    return more
