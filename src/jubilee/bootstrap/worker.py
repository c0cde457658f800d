"""A worker over the real adapters."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from random import random
from socket import gethostname
from uuid import UUID

from arq.connections import ArqRedis
from redis import exceptions
from redis.asyncio import ConnectionPool as RedisPool
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff

from jubilee import __version__
from jubilee.adapters.arq.dispatcher import pack, queue_name, unpack, wake_channel
from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.event_relay import PostgresEventRelay
from jubilee.adapters.postgres.job_completion import PostgresFinish
from jubilee.adapters.postgres.jobs.backlog import PostgresBacklog
from jubilee.adapters.postgres.jobs.due_jobs import PostgresDueJobs
from jubilee.adapters.postgres.jobs.store import PostgresClaims
from jubilee.adapters.postgres.retention import PostgresLeftovers
from jubilee.bootstrap.adapters import Adapters, open_adapters
from jubilee.bootstrap.greetings import greeting_planner
from jubilee.bootstrap.job_kinds import MakeKinds, runnable_kinds
from jubilee.bootstrap.mail import mail_is_configured, make_mail_dir
from jubilee.bootstrap.servers import clock, redis_url
from jubilee.bootstrap.telemetry import Process
from jubilee.domain.errors import Unavailable
from jubilee.domain.jobs.backlog import WorkerRegister, WorkerSign
from jubilee.domain.jobs.kinds import Kinds, Lane
from jubilee.domain.jobs.lease_keeper import Heart
from jubilee.domain.jobs.redelivery import Redelivery
from jubilee.domain.jobs.relay import Relay
from jubilee.domain.jobs.runner import GRACE, Runner
from jubilee.domain.retention import Retention
from jubilee.entrypoints.worker.process import (
    Chore,
    WorkerPlan,
    calendar_chores,
    relay_chores,
    sign_chores,
)
from jubilee.entrypoints.worker.queue_worker import Lanes, LaneWorker
from jubilee.entrypoints.worker.watchdog import Watchdog
from jubilee.settings import Settings

SOCKET_TIMEOUT = 2.0  # seconds; a frozen Redis must not hold a worker up
RETRIES = 1  # of one command; the lanes themselves go on for ever
LEAVE_TIMEOUT_S = 1.0
BEYOND = 30.0  # seconds between our own limit for a job and ARQ's


@asynccontextmanager
async def open_worker(
    settings: Settings,
    make_kinds: MakeKinds = runnable_kinds,
    process: Process | None = None,
) -> AsyncIterator[WorkerPlan]:
    """What a worker does, with its connections open; `process` says what is shown of it."""
    make_mail_dir(settings)
    async with open_adapters(settings, process) as adapters:
        kinds = Kinds(make_kinds(settings, adapters), longest=settings.job_timeout)
        pool, sign = _arq_pool(redis_url(settings)), _sign(new_id(), kinds)
        try:
            yield _plan(settings, adapters, pool, kinds, sign)
        finally:
            await _leave(PostgresBacklog(adapters.pool), sign)
            await pool.aclose(close_connection_pool=True)


def _plan(
    settings: Settings, adapters: Adapters, pool: ArqRedis, kinds: Kinds, sign: WorkerSign
) -> WorkerPlan:
    meter = adapters.telemetry.jobs
    claims = PostgresClaims(
        adapters.pool, worker_id=sign.id, lease=settings.lease_seconds, kinds=kinds.names
    )
    heart = Heart(claims, settings.lease_seconds)
    runner = Runner(claims, kinds, PostgresFinish(adapters.write), heart, random, meter)
    lanes = Lanes(
        pool=pool,
        ping=claims.ping,
        unpack=unpack,
        timeout=kinds.longest + GRACE + BEYOND,
        read_limit=settings.worker_read_limit,
    )
    return WorkerPlan(
        lanes=[_lane(lane, slots, runner, lanes) for lane, slots in _slots(settings)],
        heart=heart,
        chores=(
            *relay_chores(_relay(settings, adapters, kinds), heart, meter),
            *sign_chores(PostgresBacklog(adapters.pool), sign, meter),
            *_calendar_chores(settings, adapters),
        ),
        watchdog=Watchdog(settings.lease_seconds),
        drain=settings.shutdown_timeout,
    )


def _calendar_chores(settings: Settings, adapters: Adapters) -> Sequence[Chore]:
    """Without a mailer nobody plans: what cannot be sent for a day is not to be sent at all."""
    planner = greeting_planner(settings, adapters) if mail_is_configured(settings) else None
    return calendar_chores(Retention(PostgresLeftovers(adapters.pool), clock), planner)


def _relay(settings: Settings, adapters: Adapters, kinds: Kinds) -> Relay:
    due = PostgresDueJobs(adapters.pool)
    return Relay(
        due=due,
        events=PostgresEventRelay(adapters.write, new_id),
        courier=adapters.courier,
        kinds=kinds,
        redelivery=Redelivery(due, adapters.courier, kinds),
        retention_days=settings.task_retention,
    )


def _sign(worker_id: UUID, kinds: Kinds) -> WorkerSign:
    return WorkerSign(id=worker_id, host=gethostname(), version=__version__, kinds=kinds.known)


async def _leave(register: WorkerRegister, sign: WorkerSign) -> None:
    """Where it cannot be said in time, the worker counts as silent for a while."""
    with suppress(Unavailable, TimeoutError):
        async with asyncio.timeout(LEAVE_TIMEOUT_S):
            await register.leave(sign.id)


def _slots(settings: Settings) -> tuple[tuple[Lane, int], ...]:
    return (
        (Lane.SYSTEM, settings.worker_system_slots),
        (Lane.USER, settings.worker_user_slots),
    )


def _lane(lane: Lane, slots: int, runner: Runner, lanes: Lanes) -> LaneWorker:
    queue = queue_name(lane, runner.kinds.known)
    return LaneWorker(queue, wake_channel(queue), slots, runner.run, lanes)


def _arq_pool(url: str) -> ArqRedis:
    """Survives a blip of Redis; without the built-in OSError the first refusal would end it."""
    network = {} if url.startswith("unix") else {"socket_keepalive": True}
    connections = RedisPool.from_url(
        url,
        socket_timeout=SOCKET_TIMEOUT,
        socket_connect_timeout=SOCKET_TIMEOUT / 2,
        health_check_interval=10,
        retry=Retry(ExponentialBackoff(cap=1, base=0.05), RETRIES),
        retry_on_error=[
            exceptions.ConnectionError,
            exceptions.TimeoutError,
            exceptions.BusyLoadingError,
            OSError,
        ],
        **network,
    )
    return ArqRedis(connections, job_serializer=pack, job_deserializer=unpack)
