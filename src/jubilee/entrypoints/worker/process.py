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
from jubilee.domain.jobs.backlog import Backlog, ReadBacklog, WorkerRegister, WorkerSign
from jubilee.domain.jobs.lease_keeper import Heart
from jubilee.domain.jobs.relay import BATCH, Relay
from jubilee.domain.retention import Retention
from jubilee.entrypoints.worker.queue_worker import LaneWorker
from jubilee.entrypoints.worker.watchdog import Watchdog

SIGNALS = (signal.SIGINT, signal.SIGTERM)
LAST_MOMENT = 6.0  # seconds for jobs that are told to stop, past the time-out for draining
FAREWELL = 1.0  # seconds for the chores, and again for jobs that listen to nobody
SIGN = 10.0  # seconds between two signs of life
LOOK = 15.0  # seconds between two looks at the backlog
LONGEST_REST = 10.0  # seconds after a dependency failed
PROMPT_REST = 1.0  # seconds, for what delays jobs while it rests

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chore:
    """Something to be done again and again; `once` says whether there is more of it right now."""

    name: str
    once: Callable[[], Awaitable[bool]]
    rest: Callable[[], Awaitable[float]]
    longest_rest: float = LONGEST_REST
    """Seconds between two tries while a dependency is away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerPlan:
    """What a worker does; `drain` seconds is what running jobs have left after a signal."""

    lanes: Sequence[LaneWorker]
    heart: Heart
    chores: Sequence[Chore]
    watchdog: Watchdog
    drain: float


async def work(plan: WorkerPlan) -> int:
    """Run until a signal; a second one ends it at once. The exit code."""
    stop, before = asyncio.Event(), asyncio.all_tasks()
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, stop.set)
    background = [asyncio.create_task(_repeat(chore)) for chore in plan.chores]
    background.append(asyncio.create_task(plan.watchdog.run()))
    lanes = [asyncio.create_task(lane.main()) for lane in plan.lanes]
    logger.info("waiting for jobs")
    await stop.wait()
    stop.clear()
    await _drain(plan, stop)
    for task in (*background, *lanes):
        task.cancel()
    await asyncio.wait((*background, *lanes), timeout=FAREWELL)
    await _leave_behind(asyncio.all_tasks() - before)
    return 0


async def _drain(plan: WorkerPlan, stop: asyncio.Event) -> None:
    """Let running jobs end; give back what cannot, without counting it as an attempt."""
    for lane in plan.lanes:
        lane.stop()
    logger.info("draining", extra={"jobs": sum(len(lane.tasks) for lane in plan.lanes)})
    with suppress(TimeoutError):
        async with asyncio.timeout(plan.drain):
            await _first(stop.wait(), _all_finished(plan.lanes))
    plan.heart.drain()
    with suppress(TimeoutError):
        async with asyncio.timeout(LAST_MOMENT):
            await _all_finished(plan.lanes)


async def _leave_behind(jobs: Collection[asyncio.Task[Any]]) -> None:
    """One that listens to nobody would keep the process from its end, and no lease protects it."""
    for job in jobs:
        job.cancel()
    deaf = (await asyncio.wait(jobs, timeout=FAREWELL))[1] if jobs else ()
    if deaf:
        logger.warning("ending without jobs that do not end", extra={"jobs": len(deaf)})
        logging.shutdown()  # what follows lets nobody else tidy up
        os._exit(0)


async def _all_finished(lanes: Sequence[LaneWorker]) -> None:
    for lane in lanes:
        await lane.finished()


async def _first(*works: Coroutine[Any, Any, object]) -> None:
    tasks = [asyncio.create_task(work) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


async def _repeat(chore: Chore) -> None:
    """Whatever is away, and whatever goes wrong: say so, rest ever longer, go on."""
    rest = 0.5
    while True:
        try:
            more = await chore.once()
            pause = 0.0 if more else await chore.rest()
            rest = 0.5
        except Unavailable:
            extra = {"chore": chore.name, "again_in": rest}
            logger.warning("a dependency is away", extra=extra)
            pause, rest = rest, min(rest * 2, chore.longest_rest)
        except Exception:
            extra = {"chore": chore.name, "again_in": rest}
            logger.exception("a chore failed", extra=extra)
            pause, rest = rest, min(rest * 2, chore.longest_rest)
        await asyncio.sleep(pause)


class Board(ReadBacklog, WorkerRegister, Protocol):
    """Where workers sign, and where what waits is to be seen."""


class WorkMeter(Protocol):
    """What an operator is told of the relay and of all that waits."""

    def dispatched(self, count: int) -> None:
        """A round has ended; so many jobs were sent."""

    def rescued(self, count: int) -> None:
        """So many leases had run out."""

    def show(self, backlog: Backlog) -> None:
        """What waits now."""


def relay_chores(relay: Relay, heart: Heart, meter: WorkMeter) -> Sequence[Chore]:
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
        _prompt("heartbeat", _no_more(heart.beat), _each(heart.interval)),
        _prompt("dispatch", dispatch, lambda: relay.rest(1.0)),
        _prompt("sweep", sweep, _each(heart.interval / 2)),
        Chore(name="events", once=_full(relay.publish), rest=_each(1.0)),
        Chore(name="retention", once=_any(relay.prune), rest=_each(60.0)),
    )


def _prompt(
    name: str, once: Callable[[], Awaitable[bool]], rest: Callable[[], Awaitable[float]]
) -> Chore:
    return Chore(name=name, once=once, rest=rest, longest_rest=PROMPT_REST)


def sign_chores(board: Board, worker: WorkerSign, meter: WorkMeter) -> Sequence[Chore]:
    """That this worker is alive, and what waits for all of them."""

    async def sign() -> bool:
        await board.sign(worker)
        return False

    async def look() -> bool:
        meter.show(await board())
        return False

    return (
        Chore(name="sign of life", once=sign, rest=_each(SIGN)),
        Chore(name="backlog", once=look, rest=_each(LOOK)),
    )


def calendar_chores(retention: Retention, planner: GreetingPlanner | None) -> Sequence[Chore]:
    """What leaves in time; and, where mail can be sent, whose hour has come."""
    chores = [Chore(name="leftovers", once=_any(retention.sweep), rest=_each(60.0))]
    if planner is not None:
        chores.append(Chore(name="greetings", once=_any(planner.plan), rest=_each(60.0)))
    return chores


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
