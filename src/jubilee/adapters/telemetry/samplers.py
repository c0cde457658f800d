"""Periodic samples of the event loop, the pool and Redis; each runs until cancelled."""

import asyncio
from collections.abc import Awaitable, Callable
from time import perf_counter

from prometheus_client.exposition import generate_latest

from jubilee.adapters.telemetry.instruments import Instruments
from jubilee.observation.storage import PoolUsage

LOOP_PERIOD_S = 0.5
POOL_PERIOD_S = 1.0
REDIS_PERIOD_S = 10.0


async def sample_loop_lag(instruments: Instruments) -> None:
    """Measure how late the event loop's timers fire."""
    while True:
        began = perf_counter()
        await asyncio.sleep(LOOP_PERIOD_S)
        instruments.loop_lag.observe(max(perf_counter() - began - LOOP_PERIOD_S, 0))


async def sample_pool(instruments: Instruments, pool: PoolUsage) -> None:
    """Set the gauges of the connection pool."""
    while True:
        instruments.pool_connections.labels("idle").set(pool.idle)
        instruments.pool_connections.labels("used").set(pool.used)
        instruments.pool_size.set(pool.size)
        await asyncio.sleep(POOL_PERIOD_S)


async def probe_redis(ping: Callable[[], Awaitable[bool]]) -> None:
    """Ping Redis so that `redis_up` is current even without other commands."""
    while True:
        await ping()
        await asyncio.sleep(REDIS_PERIOD_S)


def exposition(instruments: Instruments) -> bytes:
    """Render all metrics in Prometheus' text format."""
    return generate_latest(instruments.registry)
