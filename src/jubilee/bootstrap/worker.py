"""A worker over the real adapters."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from random import random
from socket import gethostname
from time import monotonic
from uuid import UUID

from arq.connections import ArqRedis

from jubilee import __version__
from jubilee.adapters.arq.messages import queue_name
from jubilee.adapters.arq.pool import arq_pool
from jubilee.adapters.arq.queue_worker import ArqQueueWorker, QueueOptions
from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.event_relay import PostgresEventRelay
from jubilee.adapters.postgres.job_completion import PostgresCompletion
from jubilee.adapters.postgres.jobs.backlog import PostgresBacklog
from jubilee.adapters.postgres.jobs.due_jobs import PostgresDueJobs
from jubilee.adapters.postgres.jobs.store import PostgresJobStore
from jubilee.adapters.postgres.retention import PostgresExpiredRows
from jubilee.bootstrap.adapters import Adapters, open_adapters
from jubilee.bootstrap.event_subscribers import EVENT_SUBSCRIBERS
from jubilee.bootstrap.greetings import greeting_planner
from jubilee.bootstrap.job_kinds import MakeKinds, runnable_kinds
from jubilee.bootstrap.mail import mail_is_configured, make_mail_dir
from jubilee.bootstrap.servers import clock, redis_url
from jubilee.bootstrap.telemetry import ProcessInfo
from jubilee.domain.errors import Unavailable
from jubilee.domain.jobs.backlog import WorkerInfo, WorkerRegistry
from jubilee.domain.jobs.kinds import JobKinds, JobQueueName
from jubilee.domain.jobs.lease_keeper import LeaseKeeper
from jubilee.domain.jobs.redelivery import LostMessageCheck
from jubilee.domain.jobs.relay import Relay
from jubilee.domain.jobs.runner import CANCEL_GRACE_S, Runner
from jubilee.domain.retention import Retention
from jubilee.entrypoints.worker.process import (
    PeriodicTask,
    WorkerPlan,
    calendar_chores,
    heartbeat_tasks,
    relay_tasks,
)
from jubilee.entrypoints.worker.watchdog import Watchdog
from jubilee.settings import Settings

LEAVE_TIMEOUT_S = 1.0
BEYOND = 30.0  # seconds between our own limit for a job and ARQ's


@asynccontextmanager
async def open_worker(
    settings: Settings,
    make_kinds: MakeKinds = runnable_kinds,
    process: ProcessInfo | None = None,
) -> AsyncIterator[WorkerPlan]:
    """What a worker does, with its connections open; `process` says what is shown of it."""
    make_mail_dir(settings)
    async with open_adapters(settings, process) as adapters:
        kinds = JobKinds(make_kinds(settings, adapters), longest=settings.job_timeout)
        pool, sign = arq_pool(redis_url(settings)), _worker_info(new_id(), kinds)
        try:
            yield _plan(settings, adapters, pool, kinds, sign)
        finally:
            await _leave(PostgresBacklog(adapters.pool), sign)
            await pool.aclose(close_connection_pool=True)


def _plan(
    settings: Settings, adapters: Adapters, pool: ArqRedis, kinds: JobKinds, sign: WorkerInfo
) -> WorkerPlan:
    meter = adapters.telemetry.jobs
    claims = PostgresJobStore(
        adapters.pool, worker_id=sign.id, lease=settings.lease_seconds, kinds=kinds.names
    )
    lease_keeper = LeaseKeeper(claims, settings.lease_seconds, monotonic)
    runner = Runner(claims, kinds, PostgresCompletion(adapters.write), lease_keeper, random, meter)
    options = QueueOptions(
        pool=pool,
        ping_database=claims.ping,
        job_timeout=kinds.longest + CANCEL_GRACE_S + BEYOND,
        read_limit=settings.worker_read_limit,
    )
    return WorkerPlan(
        queues=[
            ArqQueueWorker(queue_name(queue, kinds.known), slots, runner.run, options)
            for queue, slots in _slots(settings)
        ],
        lease_keeper=lease_keeper,
        periodic_tasks=(
            *relay_tasks(_relay(settings, adapters, kinds), lease_keeper, meter),
            *heartbeat_tasks(PostgresBacklog(adapters.pool), sign, meter),
            *_calendar_tasks(settings, adapters),
        ),
        watchdog=Watchdog(settings.lease_seconds),
        drain=settings.shutdown_timeout,
    )


def _calendar_tasks(settings: Settings, adapters: Adapters) -> Sequence[PeriodicTask]:
    """Without a mailer nobody plans: what cannot be sent for a day is not to be sent at all."""
    planner = greeting_planner(settings, adapters) if mail_is_configured(settings) else None
    return calendar_chores(Retention(PostgresExpiredRows(adapters.pool), clock), planner)


def _relay(settings: Settings, adapters: Adapters, kinds: JobKinds) -> Relay:
    due = PostgresDueJobs(adapters.pool, settings.job_max_crashes)
    return Relay(
        due_jobs=due,
        events=PostgresEventRelay(adapters.write, new_id, EVENT_SUBSCRIBERS),
        dispatcher=adapters.dispatcher,
        kinds=kinds,
        redelivery=LostMessageCheck(due, adapters.dispatcher, kinds, monotonic),
        retention_days=settings.task_retention,
    )


def _worker_info(worker_id: UUID, kinds: JobKinds) -> WorkerInfo:
    return WorkerInfo(id=worker_id, host=gethostname(), version=__version__, kinds=kinds.known)


async def _leave(register: WorkerRegistry, sign: WorkerInfo) -> None:
    """Where it cannot be said in time, the worker counts as silent for a while."""
    with suppress(Unavailable, TimeoutError):
        async with asyncio.timeout(LEAVE_TIMEOUT_S):
            await register.leave(sign.id)


def _slots(settings: Settings) -> tuple[tuple[JobQueueName, int], ...]:
    return (
        (JobQueueName.SYSTEM, settings.worker_system_slots),
        (JobQueueName.USER, settings.worker_user_slots),
    )
