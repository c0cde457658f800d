"""What nobody reports by itself: looked at now and then, until cancelled."""

import asyncio
from collections.abc import Awaitable, Callable
from time import perf_counter

from prometheus_client.exposition import generate_latest

from jubilee.adapters.telemetry.instruments import Instruments
from jubilee.observation.storage import PoolUsage

LOOP_PERIOD_S = 0.5  # seconds
POOL_PERIOD_S = 1.0  # seconds
REDIS_PERIOD_S = 10.0  # seconds


async def sample_loop_lag(instruments: Instruments) -> None:
    """Measure how late the event loop wakes."""
    while True:
        began = perf_counter()
        await asyncio.sleep(LOOP_PERIOD_S)
        instruments.loop_lag.observe(max(perf_counter() - began - LOOP_PERIOD_S, 0))


async def sample_pool(instruments: Instruments, pool: PoolUsage) -> None:
    """Show how many connections there are."""
    while True:
        instruments.pool_connections.labels("idle").set(pool.idle)
        instruments.pool_connections.labels("used").set(pool.used)
        instruments.pool_size.set(pool.size)
        await asyncio.sleep(POOL_PERIOD_S)


async def probe_redis(ping: Callable[[], Awaitable[bool]]) -> None:
    """Ask it, for the gauge to be true where nobody else asks."""
    while True:
        await ping()
        await asyncio.sleep(REDIS_PERIOD_S)


def exposition(instruments: Instruments) -> bytes:
    """All metrics as Prometheus text."""
    return generate_latest(instruments.registry)
