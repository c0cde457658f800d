"""Samples of the event loop, of the connection pool and of Redis."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass

import pytest

from jubilee.adapters.telemetry import samplers
from jubilee.adapters.telemetry.instruments import Instruments
from jubilee.adapters.telemetry.samplers import probe_redis, sample_loop_lag, sample_pool
from jubilee.observation.storage import PoolUsage


@dataclass
class Usage(PoolUsage):
    """A pool of five connections, of which one is idle and three are used."""

    idle: int = 1
    used: int = 3
    size: int = 5


@pytest.fixture(autouse=True)
def short_periods(monkeypatch: pytest.MonkeyPatch) -> None:
    for period in ("LOOP_PERIOD_S", "POOL_PERIOD_S", "REDIS_PERIOD_S"):
        monkeypatch.setattr(samplers, period, 0.01)


async def run_for(seconds: float, sampling: Coroutine[None, None, None]) -> None:
    """Run an endless coroutine for a while."""
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(sampling, seconds)


async def test_the_lag_of_the_loop_is_how_late_its_timers_fire(
    instruments: Instruments, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = [10.0, 10.76, 20.0, 20.0]  # one timer is late, the other early

    def clock() -> float:
        if not times:
            raise TimeoutError
        return times.pop(0)

    monkeypatch.setattr(samplers, "perf_counter", clock)
    with pytest.raises(TimeoutError):
        await sample_loop_lag(instruments)
    value = instruments.registry.get_sample_value
    assert value("event_loop_lag_seconds_count") == 2
    assert value("event_loop_lag_seconds_sum") == pytest.approx(0.75)


async def test_the_gauges_of_the_pool_follow_its_use(instruments: Instruments) -> None:
    await run_for(0.05, sample_pool(instruments, Usage()))
    value = instruments.registry.get_sample_value
    states = [value("db_pool_connections", {"state": state}) for state in ("idle", "used")]
    assert (states, value("db_pool_connections_max")) == ([1, 3], 5)
    await run_for(0.05, sample_pool(instruments, Usage(used=4)))
    assert value("db_pool_connections", {"state": "used"}) == 4


async def test_redis_is_asked_again_after_an_interval() -> None:
    pings = []

    async def ping() -> bool:
        pings.append(True)
        return False

    await run_for(0.3, probe_redis(ping))
    assert 2 <= len(pings) <= 31
