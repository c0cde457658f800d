"""A queue's worker while its Redis is flushed, killed and frozen."""

import asyncio
import logging
from collections.abc import AsyncIterator
from statistics import median
from time import monotonic

import pytest

from jubilee.adapters.redis.arq import queue_worker, wakeups
from tests.adapters.redis.arq.queue_workers import QueueSite, dispatches, eventually
from tests.support.outages import OwnServers


@pytest.fixture
async def site(own_servers: OwnServers) -> AsyncIterator[QueueSite]:
    site = QueueSite(own_servers.redis_url)
    yield site
    await site.close()


async def receives_wake_ups(site: QueueSite, rounds: int = 10) -> bool:
    """Whether wake-ups reach the worker: without, a job waits a quarter of a second.

    Other work on the machine may delay one round, not all.
    """
    for _ in range(rounds):
        if await median_wait(site) < 0.05:
            return True
    return False


async def median_wait(site: QueueSite) -> float:
    """Return the median seconds until an idle worker starts a job."""
    waits = []
    for job in dispatches(15):  # so many that chance gives none of the rounds this median
        sent = monotonic()
        await site.send([job])
        await eventually(lambda job=job: job.reference in site.runs.at)  # type: ignore[misc]  # bound to this job
        waits.append(site.runs.at[job.reference] - sent)
        await asyncio.sleep(0.02)
    return median(waits)


async def test_a_worker_survives_flushall(site: QueueSite) -> None:
    site.runs.gate.clear()
    worker = site.start(slots=3)
    await site.send(dispatches(10))
    await eventually(lambda: len(site.runs.started) == 3)
    await site.pool.flushall()
    again = dispatches(4)
    await site.send(again)
    site.runs.gate.set()
    await site.runs.until(7)
    assert {job.reference for job in again} < set(site.runs.ended)
    await eventually(lambda: worker.job_counter == 0)
    assert await receives_wake_ups(site)


async def test_a_worker_survives_a_killed_redis(site: QueueSite, own_servers: OwnServers) -> None:
    site.runs.gate.clear()
    worker = site.start(slots=3)
    await asyncio.sleep(0.1)
    await site.send(dispatches(10))
    await eventually(lambda: len(site.runs.started) == 3)
    own_servers.redis.kill()
    site.runs.gate.set()
    await asyncio.sleep(3)
    own_servers.redis.start()
    after = dispatches(5)
    await site.send(after)
    await eventually(lambda: {job.reference for job in after} <= set(site.runs.ended), 20)
    await eventually(lambda: worker.job_counter == 0)
    await asyncio.sleep(queue_worker.MAX_PAUSE_S + 1)
    assert await receives_wake_ups(site)


async def test_a_worker_survives_a_frozen_redis(
    site: QueueSite,
    own_servers: OwnServers,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(wakeups, "PING_AFTER_S", 1.0)
    worker = site.start(slots=3)
    assert await receives_wake_ups(site)
    own_servers.redis.freeze()
    with caplog.at_level(logging.WARNING):
        await asyncio.sleep(12)
    own_servers.redis.thaw()
    assert "Redis does not answer" in caplog.messages
    job = dispatches(1)
    await site.send(job)
    await eventually(lambda: job[0].reference in site.runs.ended, 20)
    await asyncio.sleep(queue_worker.MAX_PAUSE_S + 2.5)
    assert await receives_wake_ups(site)
    assert worker.job_counter == 0


async def test_a_worker_stops_while_redis_is_frozen(
    site: QueueSite, own_servers: OwnServers
) -> None:
    site.runs.gate.clear()
    worker = site.start(slots=3)
    await site.send(dispatches(1))
    await eventually(lambda: len(site.runs.started) == 1)
    own_servers.redis.freeze()
    worker.stop()
    site.runs.gate.set()
    await asyncio.wait_for(worker.finished(), 15)
    own_servers.redis.thaw()
