"""Periodic tasks of a worker: leases, dispatch, retention, its registration and the backlog."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from random import uniform
from typing import Protocol

from jubilee.domain.audit.upkeep import BATCH_SIZE as AUDIT_BATCH_SIZE
from jubilee.domain.audit.upkeep import AuditUpkeep
from jubilee.domain.errors import Unavailable
from jubilee.domain.factors.resealing import FactorResealing
from jubilee.domain.greetings.planning import GreetingPlanner
from jubilee.domain.jobs.backlog import BacklogReader, WorkerInfo, WorkerRegistry
from jubilee.domain.jobs.bounded_dispatch import BATCH_SIZE
from jubilee.domain.jobs.lease_keeper import LeaseKeeper
from jubilee.domain.jobs.relay import Relay
from jubilee.domain.retention import Retention
from jubilee.domain.signing_keys.upkeep import KeyUpkeep
from jubilee.observation.jobs import RelayObserver

HEARTBEAT_INTERVAL_S = 10.0
BACKLOG_INTERVAL_S = 15.0
EVENTS_INTERVAL_S = 1.0
MAX_DISPATCH_INTERVAL_S = 1.0
RETENTION_INTERVAL_S = 60.0
GREETINGS_INTERVAL_S = 60.0
AUDIT_INTERVAL_S = 10.0
KEYS_INTERVAL_S = 60.0
RESEALING_INTERVAL_S = 900.0
FIRST_PAUSE_S, MAX_PAUSE_S = 0.5, 10.0  # after a failure; doubled at each further one
MAX_AUDIT_PAUSE_S = 60.0  # a wrong SECRET_KEY stays wrong
MAX_URGENT_PAUSE_S = 1.0  # for tasks whose failure delays jobs
JITTER_RATIO = 0.1  # of an interval, so that workers do not act at the same time

logger = logging.getLogger(__name__)


# Ports


class WorkerBacklog(BacklogReader, WorkerRegistry, Protocol):
    """The registry of workers and the backlog of their jobs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodicTask:
    """An action at intervals; `run` returns whether more is waiting, and is then repeated at once.

    `pause` returns the seconds until the next run.
    """

    name: str
    run: Callable[[], Awaitable[bool]]
    pause: Callable[[], Awaitable[float]]
    max_pause_s: float = MAX_PAUSE_S
    """The longest pause between two tries after failures."""


async def run_periodically(task: PeriodicTask) -> None:
    """Run the task until cancelled; log failures, and pause ever longer after them."""
    retry_in = FIRST_PAUSE_S
    while True:
        try:
            more = await task.run()
            pause = 0.0 if more else await task.pause()
            retry_in = FIRST_PAUSE_S
        except Exception as error:
            extra = {"task": task.name, "again_in": retry_in}
            if isinstance(error, Unavailable):
                logger.warning("a dependency does not answer", extra=extra)
            else:
                logger.exception("periodic task failed", extra=extra)
            pause, retry_in = retry_in, min(retry_in * 2, task.max_pause_s)
        await asyncio.sleep(pause)


def relay_tasks(
    relay: Relay, lease_keeper: LeaseKeeper, observer: RelayObserver
) -> Sequence[PeriodicTask]:
    """Extend leases, dispatch due jobs, rescue those of dead workers, publish and prune events."""

    async def dispatch() -> bool:
        count = await relay.dispatch()
        observer.dispatched(count)
        return count >= BATCH_SIZE

    async def sweep() -> bool:
        count = await relay.sweep()
        observer.rescued(count)
        return count >= BATCH_SIZE

    extend = _without_more(lease_keeper.heartbeat)
    return (
        _urgent("leases", extend, _every(lease_keeper.interval)),
        _urgent("dispatch", dispatch, lambda: relay.seconds_to_next(MAX_DISPATCH_INTERVAL_S)),
        _urgent("sweep", sweep, _every(lease_keeper.interval / 2)),
        PeriodicTask(name="events", run=_full(relay.publish), pause=_every(EVENTS_INTERVAL_S)),
        PeriodicTask(name="retention", run=_any(relay.prune), pause=_every(RETENTION_INTERVAL_S)),
    )


def registry_tasks(
    backlog: WorkerBacklog, worker: WorkerInfo, observer: RelayObserver
) -> Sequence[PeriodicTask]:
    """Keep this worker in the registry, and measure the backlog of all workers."""

    async def measure() -> None:
        observer.record_backlog(await backlog())

    return (
        PeriodicTask(
            name="worker registry",
            run=_without_more(partial(backlog.heartbeat, worker)),
            pause=_every(HEARTBEAT_INTERVAL_S),
        ),
        PeriodicTask(name="backlog", run=_without_more(measure), pause=_every(BACKLOG_INTERVAL_S)),
    )


def calendar_tasks(retention: Retention, planner: GreetingPlanner | None) -> Sequence[PeriodicTask]:
    """Delete expired rows; plan greetings if there is a planner."""
    expired = PeriodicTask(
        name="expired rows", run=_any(retention.sweep), pause=_every(RETENTION_INTERVAL_S)
    )
    if planner is None:
        return (expired,)
    greetings = PeriodicTask(
        name="greetings", run=_any(planner.plan), pause=_every(GREETINGS_INTERVAL_S)
    )
    return (expired, greetings)


def audit_tasks(upkeep: AuditUpkeep) -> Sequence[PeriodicTask]:
    """Seal new entries of the audit log; erase old clients in it, and delete expired entries.

    Each seal is logged: kept elsewhere, the lines show if the database's chain is replaced.
    """

    async def seal() -> bool:
        seal = await upkeep.seal()
        if seal is None:
            return False
        head = f"{seal.number}:{seal.digest.hex()}"
        logger.info("audit log sealed", extra={"head": head, "entries": seal.entries})
        return seal.entries >= AUDIT_BATCH_SIZE

    async def expire() -> bool:
        await upkeep.renew()
        return await upkeep.erase() + await upkeep.prune() > 0

    tasks = (
        ("audit seal", seal, AUDIT_INTERVAL_S),
        ("audit retention", expire, RETENTION_INTERVAL_S),
    )
    return [
        PeriodicTask(name=name, run=run, pause=_every(pause_s), max_pause_s=MAX_AUDIT_PAUSE_S)
        for name, run, pause_s in tasks
    ]


def key_tasks(upkeep: KeyUpkeep, resealing: FactorResealing | None) -> Sequence[PeriodicTask]:
    """Rotate the keys that sign access tokens; seal secrets by a SECRET_KEY that is new."""
    rotate = _without_more(upkeep)
    rotation = PeriodicTask(name="signing keys", run=rotate, pause=_every(KEYS_INTERVAL_S))
    if resealing is None:
        return (rotation,)

    async def reseal() -> None:
        if count := await resealing():
            logger.info("secrets sealed anew", extra={"count": count})

    renewal = PeriodicTask(
        name="sealed secrets", run=_without_more(reseal), pause=_every(RESEALING_INTERVAL_S)
    )
    return (rotation, renewal)


def _urgent(
    name: str, run: Callable[[], Awaitable[bool]], pause: Callable[[], Awaitable[float]]
) -> PeriodicTask:
    return PeriodicTask(name=name, run=run, pause=pause, max_pause_s=MAX_URGENT_PAUSE_S)


def _every(seconds: float) -> Callable[[], Awaitable[float]]:
    async def pause() -> float:
        return seconds * uniform(1 - JITTER_RATIO, 1 + JITTER_RATIO)  # noqa: S311  # no secret depends on it

    return pause


def _full(run: Callable[[], Awaitable[int]]) -> Callable[[], Awaitable[bool]]:
    async def more() -> bool:
        return await run() >= BATCH_SIZE

    return more


def _any(run: Callable[[], Awaitable[int]]) -> Callable[[], Awaitable[bool]]:
    async def more() -> bool:
        return await run() > 0

    return more


def _without_more(run: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[bool]]:
    async def more() -> bool:
        await run()
        return False

    return more
