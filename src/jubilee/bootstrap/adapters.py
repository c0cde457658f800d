"""The adapters of the domain's ports, the same for the API, workers and commands."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from random import random
from time import monotonic

from jubilee.adapters.argon2_passwords import Argon2Passwords
from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.application_name import instance_name, named
from jubilee.adapters.postgres.caller import CurrentCaller
from jubilee.adapters.postgres.capacity import PostgresCapacity
from jubilee.adapters.postgres.jobs.backlog import PostgresBacklog
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.single_writes import single_writes
from jubilee.adapters.postgres.transaction import PostgresTransaction, transactions, views
from jubilee.adapters.postgres.upkeep import PoolUpkeep
from jubilee.adapters.postgres.write_context import WriteContext
from jubilee.adapters.redis.arq.dispatcher import ArqJobDispatcher
from jubilee.adapters.redis.birthdays import RedisTodayCache
from jubilee.adapters.redis.client import RedisClient
from jubilee.adapters.telemetry.samplers import probe_redis, sample_pool
from jubilee.bootstrap.background_tasks import background_tasks
from jubilee.bootstrap.deadline import request_client, request_deadline
from jubilee.bootstrap.event_subscribers import EVENT_SUBSCRIBERS
from jubilee.bootstrap.logs import correlation_id
from jubilee.bootstrap.metrics_listener import API
from jubilee.bootstrap.replica import Replica, make_replica, settled_after_s
from jubilee.bootstrap.request_origin import request_origin
from jubilee.bootstrap.servers import ServerUrls, clock, server_urls
from jubilee.bootstrap.telemetry import ProcessInfo, Telemetry, open_telemetry
from jubilee.domain.jobs.dispatch_buffer import DispatchBuffer
from jubilee.domain.jobs.routing import JobRouter
from jubilee.domain.transaction import Begin
from jubilee.entrypoints.shutdown import ShutdownBudget
from jubilee.settings import Settings


@dataclass(frozen=True, slots=True)
class Adapters:
    """One adapter for each port; connections are opened when they are needed."""

    pool: ConnectionPool
    redis: RedisClient
    dispatcher: ArqJobDispatcher
    dispatch_buffer: DispatchBuffer
    hasher: Argon2Passwords
    write_context: WriteContext
    write: Begin[PostgresTransaction]
    write_one: Begin[PostgresTransaction]
    read: Begin[PostgresTransaction]
    read_list: Begin[PostgresTransaction]
    today_cache: RedisTodayCache
    telemetry: Telemetry
    replica: Replica | None


@asynccontextmanager
async def open_adapters(
    settings: Settings, process: ProcessInfo | None = None, *, command: str = "command"
) -> AsyncIterator[Adapters]:
    """Open the adapters, and close them at the end of the block.

    A long-running `process` exports telemetry; PostgreSQL shows its name or that of the `command`.
    """
    urls = server_urls(settings)
    async with open_telemetry(settings, urls, process) as telemetry:
        name = (
            instance_name(process.name, settings.database_pool_size)
            if process
            else f"jubilee-{command}"
        )
        urls = replace(urls, postgres=named(urls.postgres, name))
        adapters = _adapters(settings, telemetry, urls, _replica_url(settings, process, name))
        budget = ShutdownBudget(drain_s=settings.shutdown_timeout)
        async with _running(adapters, budget.cancel_s):
            yield adapters


@asynccontextmanager
async def _running(adapters: Adapters, cancel_s: float) -> AsyncIterator[None]:
    """Run the tasks of the adapters; at the end each is closed, even if closing another fails."""
    pool = adapters.pool
    tasks = background_tasks(
        adapters.dispatch_buffer.run,
        partial(sample_pool, adapters.telemetry.instruments, pool),
        partial(probe_redis, adapters.redis.ping),
        PoolUpkeep(pool, PostgresCapacity(pool)).run,
        *(adapters.replica.tasks if adapters.replica else ()),
        cancel_s=cancel_s,
    )
    async with AsyncExitStack() as closing:
        closing.push_async_callback(pool.close)
        if adapters.replica:
            closing.push_async_callback(adapters.replica.pool.close)
        closing.push_async_callback(adapters.redis.close)
        closing.push_async_callback(adapters.dispatcher.close)
        closing.callback(adapters.hasher.close)
        await closing.enter_async_context(tasks)
        yield


def _replica_url(settings: Settings, process: ProcessInfo | None, name: str) -> str | None:
    """Return the URL for the API, whose requests read lists."""
    if settings.database_replica_url is None or process is None or process.name != API:
        return None
    return named(settings.database_replica_url.get_secret_value(), name)


def _adapters(
    settings: Settings, telemetry: Telemetry, urls: ServerUrls, replica_url: str | None
) -> Adapters:
    pool, redis = _pool(settings, telemetry, urls), _redis(settings, telemetry, urls)
    dispatcher = ArqJobDispatcher(urls.redis, timeout=settings.redis_timeout)
    router = JobRouter(PostgresBacklog(pool), random, monotonic)
    dispatch_buffer = DispatchBuffer(dispatcher, router)
    replica = make_replica(settings, replica_url, pool, redis, telemetry) if replica_url else None
    write_context = _write_context(telemetry, dispatch_buffer, replica)
    return Adapters(
        pool=pool,
        redis=redis,
        dispatcher=dispatcher,
        dispatch_buffer=dispatch_buffer,
        hasher=_hasher(settings),
        write_context=write_context,
        write=transactions(pool, write_context),
        write_one=single_writes(pool, write_context),
        read=views(pool, write_context),
        read_list=(replica.views if replica else partial(views, pool))(write_context),
        today_cache=RedisTodayCache(
            redis, telemetry.redis.lookup, recent_s=settled_after_s(settings)
        ),
        telemetry=telemetry,
        replica=replica,
    )


def _pool(settings: Settings, telemetry: Telemetry, urls: ServerUrls) -> ConnectionPool:
    return ConnectionPool(
        urls.postgres,
        size=settings.database_pool_size,
        timeout=settings.database_timeout,
        observer=telemetry.database,
        caller=CurrentCaller(request_deadline, request_client),
    )


def _redis(settings: Settings, telemetry: Telemetry, urls: ServerUrls) -> RedisClient:
    return RedisClient(
        urls.redis,
        timeout=settings.redis_timeout,
        observe=telemetry.redis.executed,
        on_failure=telemetry.redis.failed,
    )


def _write_context(
    telemetry: Telemetry, dispatch_buffer: DispatchBuffer, replica: Replica | None
) -> WriteContext:
    return WriteContext(
        clock=clock,
        new_id=new_id,
        correlation_id=correlation_id,
        dispatch_soon=dispatch_buffer.dispatch_soon,
        propagator=telemetry.propagator,
        enqueued=telemetry.jobs.enqueued,
        subscribers=EVENT_SUBSCRIBERS,
        origin=request_origin,
        committed=replica.write_log.committed if replica else None,
    )


def _hasher(settings: Settings) -> Argon2Passwords:
    return Argon2Passwords(
        time_cost=settings.password_hash_time_cost,
        memory_kib=settings.password_hash_memory_kib,
        threads=settings.password_hash_threads,
        deadline=request_deadline,
        client=request_client,
    )
