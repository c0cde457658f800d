"""The worker process over the real adapters."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from random import random
from socket import gethostname
from time import monotonic
from uuid import UUID

from arq.connections import ArqRedis

from jubilee import __version__
from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.event_relay import PostgresEventRelay
from jubilee.adapters.postgres.job_completion import PostgresCancellation, PostgresCompletion
from jubilee.adapters.postgres.jobs.backlog import PostgresBacklog
from jubilee.adapters.postgres.jobs.due_jobs import PostgresDueJobs
from jubilee.adapters.postgres.jobs.store import PostgresJobStore
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.retention import PostgresExpiredRows
from jubilee.adapters.postgres.schema_state import schema_state
from jubilee.adapters.redis.arq.messages import queue_name
from jubilee.adapters.redis.arq.pool import arq_pool
from jubilee.adapters.redis.arq.queue_worker import ArqQueueWorker, QueueOptions
from jubilee.bootstrap.adapters import Adapters, open_adapters
from jubilee.bootstrap.audit import audit_upkeep
from jubilee.bootstrap.errors import BadConfiguration
from jubilee.bootstrap.event_subscribers import EVENT_SUBSCRIBERS
from jubilee.bootstrap.factors import factor_resealing
from jubilee.bootstrap.greetings import greeting_planner
from jubilee.bootstrap.job_kinds import MakeKinds, every_kind, runnable_kinds
from jubilee.bootstrap.mail import mail_is_configured, make_mail_dir
from jubilee.bootstrap.servers import clock, redis_url
from jubilee.bootstrap.signing_keys import key_upkeep
from jubilee.bootstrap.telemetry import ProcessInfo
from jubilee.domain.errors import Unavailable
from jubilee.domain.health import SchemaStatus
from jubilee.domain.jobs.backlog import WorkerInfo, WorkerRegistry
from jubilee.domain.jobs.bounded_dispatch import BoundedDispatch
from jubilee.domain.jobs.cancellation import JobCanceller
from jubilee.domain.jobs.kinds import JobKinds, JobQueueName
from jubilee.domain.jobs.lease_keeper import LeaseKeeper
from jubilee.domain.jobs.redelivery import LostMessageCheck
from jubilee.domain.jobs.relay import Relay
from jubilee.domain.jobs.runner import Runner
from jubilee.domain.jobs.sweeper import LeaseSweeper
from jubilee.domain.retention import Retention
from jubilee.entrypoints.exit_codes import SCHEMA_BEHIND
from jubilee.entrypoints.processes.heartbeat_file import HeartbeatFile
from jubilee.entrypoints.processes.watchdog import Watchdog
from jubilee.entrypoints.shutdown import ShutdownBudget
from jubilee.entrypoints.worker.periodic_tasks import (
    PeriodicTask,
    audit_tasks,
    calendar_tasks,
    key_tasks,
    registry_tasks,
    relay_tasks,
)
from jubilee.entrypoints.worker.process import WorkerPlan
from jubilee.settings import Settings


class SchemaBehind(BadConfiguration):
    """The database has to be migrated before this version can work on it."""


@asynccontextmanager
async def open_worker(
    settings: Settings,
    make_kinds: MakeKinds = runnable_kinds,
    process: ProcessInfo | None = None,
) -> AsyncIterator[WorkerPlan]:
    """Open a worker's adapters and yield its plan; deregister the worker at the end.

    Raises SchemaBehind where PostgreSQL answers with too old a schema.
    """
    make_mail_dir(settings)
    async with open_adapters(settings, process) as adapters:
        await _check_schema(adapters.pool)
        kinds = JobKinds(make_kinds(settings, adapters), max_timeout=settings.job_timeout)
        pool, worker = arq_pool(redis_url(settings)), _worker_info(new_id(), kinds)
        plan = _plan(settings, adapters, pool, kinds, worker)
        try:
            yield plan
        finally:
            await _leave(PostgresBacklog(adapters.pool), worker, plan.shutdown.leave_s)
            await pool.aclose(close_connection_pool=True)


async def _check_schema(pool: ConnectionPool) -> None:
    """A database that does not answer is waited for later, by every task that needs it."""
    read_schema = await schema_state(pool)
    with suppress(Unavailable):
        if await read_schema() is SchemaStatus.BEHIND:
            raise SchemaBehind(SCHEMA_BEHIND)


def _plan(
    settings: Settings, adapters: Adapters, pool: ArqRedis, kinds: JobKinds, worker: WorkerInfo
) -> WorkerPlan:
    store = PostgresJobStore(
        adapters.pool, worker_id=worker.id, lease=settings.lease_seconds, kinds=kinds.names
    )
    lease_keeper = LeaseKeeper(store, settings.lease_seconds, monotonic)
    canceller = _canceller(settings, adapters)
    runner = _runner(adapters, store, kinds, canceller, lease_keeper)
    bounded_dispatch = _bounded_dispatch(settings, adapters, kinds)
    options = QueueOptions(
        pool=pool,
        refill=bounded_dispatch.refill,
        ping_database=store.ping,
        read_limit=settings.worker_read_limit,
    )
    relay = _relay(settings, adapters, bounded_dispatch, canceller)
    return WorkerPlan(
        queues=[
            ArqQueueWorker(queue_name(queue, kinds.known), slots, runner.run, options)
            for queue, slots in _slots(settings).items()
        ],
        lease_keeper=lease_keeper,
        periodic_tasks=_periodic_tasks(settings, adapters, relay, lease_keeper, worker),
        watchdog=Watchdog(settings.lease_seconds, _heartbeat_file(settings)),
        shutdown=ShutdownBudget(drain_s=settings.shutdown_timeout),
    )


def _runner(
    adapters: Adapters,
    store: PostgresJobStore,
    kinds: JobKinds,
    canceller: JobCanceller,
    lease_keeper: LeaseKeeper,
) -> Runner:
    completion = PostgresCompletion(adapters.pool, adapters.write_context)
    observer = adapters.telemetry.jobs
    return Runner(store, kinds, completion, canceller, lease_keeper, random, observer)


def _periodic_tasks(
    settings: Settings,
    adapters: Adapters,
    relay: Relay,
    lease_keeper: LeaseKeeper,
    worker: WorkerInfo,
) -> Sequence[PeriodicTask]:
    observer = adapters.telemetry.jobs
    return (
        *relay_tasks(relay, lease_keeper, observer),
        *registry_tasks(PostgresBacklog(adapters.pool), worker, observer),
        *_calendar_tasks(settings, adapters),
        *audit_tasks(audit_upkeep(settings, adapters)),
        *key_tasks(key_upkeep(settings, adapters), factor_resealing(settings, adapters)),
    )


def _heartbeat_file(settings: Settings) -> HeartbeatFile | None:
    path = settings.worker_heartbeat_file
    return None if path is None else HeartbeatFile(path)


def _calendar_tasks(settings: Settings, adapters: Adapters) -> Sequence[PeriodicTask]:
    """Plan greetings only where mail can be sent: one that is a day late must not be sent."""
    planner = greeting_planner(settings, adapters) if mail_is_configured(settings) else None
    return calendar_tasks(Retention(PostgresExpiredRows(adapters.pool), clock), planner)


def _canceller(settings: Settings, adapters: Adapters) -> JobCanceller:
    """It knows all kinds: a worker without mail may sweep up the greetings of one that died."""
    return JobCanceller(
        JobKinds(every_kind(settings, adapters)), PostgresCancellation(adapters.write)
    )


def _bounded_dispatch(settings: Settings, adapters: Adapters, kinds: JobKinds) -> BoundedDispatch:
    due, dispatcher = PostgresDueJobs(adapters.pool), adapters.dispatcher
    dispatched = adapters.telemetry.jobs.dispatched
    redelivery = LostMessageCheck(due, dispatcher, kinds, monotonic, dispatched)
    return BoundedDispatch(due, dispatcher, kinds, redelivery, _slots(settings))


def _relay(
    settings: Settings,
    adapters: Adapters,
    bounded_dispatch: BoundedDispatch,
    canceller: JobCanceller,
) -> Relay:
    due = PostgresDueJobs(adapters.pool, settings.job_max_crashes)
    return Relay(
        due_jobs=due,
        events=PostgresEventRelay(adapters.write, new_id, EVENT_SUBSCRIBERS),
        bounded_dispatch=bounded_dispatch,
        sweeper=LeaseSweeper(due, canceller),
        retention_days=settings.task_retention,
    )


def _worker_info(worker_id: UUID, kinds: JobKinds) -> WorkerInfo:
    return WorkerInfo(id=worker_id, host=gethostname(), version=__version__, kinds=kinds.known)


async def _leave(registry: WorkerRegistry, worker: WorkerInfo, seconds: float) -> None:
    """Leave the registry; if that fails, the worker counts as silent until it is forgotten."""
    with suppress(Unavailable, TimeoutError):
        async with asyncio.timeout(seconds):
            await registry.leave(worker.id)


def _slots(settings: Settings) -> Mapping[JobQueueName, int]:
    return {
        JobQueueName.SYSTEM: settings.worker_system_slots,
        JobQueueName.USER: settings.worker_user_slots,
    }
