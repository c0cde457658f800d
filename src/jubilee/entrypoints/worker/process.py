"""The worker process: run jobs until a signal, then drain them within the shutdown budget."""

import asyncio
import logging
import os
import signal
from collections.abc import Collection, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from jubilee.domain.jobs.lease_keeper import LeaseKeeper
from jubilee.entrypoints.processes.watchdog import Watchdog
from jubilee.entrypoints.shutdown import ShutdownBudget
from jubilee.entrypoints.worker.periodic_tasks import PeriodicTask, run_periodically

SIGNALS = (signal.SIGINT, signal.SIGTERM)

logger = logging.getLogger(__name__)


# Ports


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
class WorkerPlan:
    """The parts of a worker process."""

    queues: Sequence[QueueWorker]
    lease_keeper: LeaseKeeper
    periodic_tasks: Sequence[PeriodicTask]
    watchdog: Watchdog
    shutdown: ShutdownBudget


async def work(plan: WorkerPlan) -> int:
    """Run until a signal, then drain; a second signal ends draining. Returns the exit code.

    Raises OSError, before the first job, if the heartbeat file cannot be created.
    """
    stop, before = asyncio.Event(), asyncio.all_tasks()
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, stop.set)
    plan.watchdog.create_heartbeat()  # a signal before would leave the file behind
    background = [asyncio.create_task(run_periodically(task)) for task in plan.periodic_tasks]
    background.append(asyncio.create_task(plan.watchdog.run()))
    queues = [asyncio.create_task(queue.main()) for queue in plan.queues]
    logger.info("waiting for jobs")
    await stop.wait()
    stop.clear()
    await _drain(plan, stop)
    await _cancel((*background, *queues), plan.shutdown.cancel_s)
    unfinished = await _cancel(asyncio.all_tasks() - before, plan.shutdown.cancel_s)
    if unfinished:
        _exit_without(unfinished)
    return 0


async def _drain(plan: WorkerPlan, stop: asyncio.Event) -> None:
    """Let running jobs end; return the others without counting an attempt."""
    for queue in plan.queues:
        queue.stop()
    logger.info("draining", extra={"jobs": sum(queue.running_jobs for queue in plan.queues)})
    with suppress(TimeoutError):
        async with asyncio.timeout(plan.shutdown.drain_s):
            await _first(stop.wait(), _all_finished(plan.queues))
    plan.lease_keeper.drain()
    with suppress(TimeoutError):
        async with asyncio.timeout(plan.shutdown.abandon_s):
            await _all_finished(plan.queues)


async def _cancel(
    tasks: Collection[asyncio.Task[Any]], seconds: float
) -> Collection[asyncio.Task[Any]]:
    """Cancel the tasks and wait for them; returns those that did not end in time."""
    for task in tasks:
        task.cancel()
    return (await asyncio.wait(tasks, timeout=seconds))[1] if tasks else ()


def _exit_without(jobs: Collection[asyncio.Task[Any]]) -> None:
    """Exit at once: jobs that ignore their cancellation would keep the process alive.

    They hold no lease any more, so other workers run them.
    """
    logger.warning("shutdown timed out; abandoning jobs", extra={"jobs": len(jobs)})
    logging.shutdown()  # os._exit runs no exit handlers
    os._exit(0)


async def _all_finished(queues: Sequence[QueueWorker]) -> None:
    for queue in queues:
        await queue.finished()


async def _first(*works: Coroutine[Any, Any, object]) -> None:
    """Run until one of them has ended, and cancel the others."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
