"""The courier against a real Redis: what is sent, and how long nobody waits for it."""

import asyncio
import json
from collections.abc import AsyncIterator
from time import monotonic, time
from typing import Any

import pytest
from arq.connections import ArqRedis
from arq.worker import Worker, func
from redis.asyncio import ConnectionPool, Redis

from jubilee.adapters import arq_courier
from jubilee.adapters.arq_courier import FUNCTION, ArqCourier, queue_name, unpack, wake_channel
from jubilee.domain.errors import Unavailable
from jubilee.domain.jobs.claims import Dispatch, Reference
from jubilee.domain.jobs.kinds import Lane
from tests.fakes import fresh_id
from tests.outages import OwnServers
from tests.servers import Servers

PATIENCE = 0.2
HOUR = 3600


@pytest.fixture
async def redis(servers: Servers) -> AsyncIterator[Redis]:
    redis: Redis = Redis.from_url(servers.redis_url)
    await redis.flushall()
    yield redis
    await redis.flushall()
    await redis.aclose()


@pytest.fixture
async def courier(servers: Servers) -> AsyncIterator[ArqCourier]:
    courier = ArqCourier(servers.redis_url, patience=5)
    yield courier
    await courier.close()


def a_dispatch(priority: int = 5, lane: Lane = Lane.USER) -> Dispatch:
    return Dispatch(Reference(fresh_id(), 3), lane, priority)


def key_of(dispatch: Dispatch) -> str:
    return f"{dispatch.reference.id}:{dispatch.reference.epoch}"


async def run_by_arq(url: str, lane: Lane = Lane.USER) -> list[tuple[object, ...]]:
    """What a worker of ARQ's own is given, until its queue is empty."""
    given: list[tuple[object, ...]] = []

    async def run(ctx: dict[Any, Any], *args: object) -> None:
        given.append(args)

    pool = ArqRedis(ConnectionPool.from_url(url))
    worker = Worker(
        functions=[func(run, name=FUNCTION, keep_result=0)],
        queue_name=queue_name(lane),
        redis_pool=pool,
        job_deserializer=unpack,
        handle_signals=False,
        burst=True,
        poll_delay=0.01,
        max_jobs=1,
    )
    await worker.main()
    await pool.aclose(close_connection_pool=True)
    return given


def arguments(*dispatches: Dispatch) -> list[tuple[object, ...]]:
    return [(str(d.reference.id), d.reference.epoch) for d in dispatches]


async def test_arqs_own_worker_understands_it(
    courier: ArqCourier, redis: Redis, servers: Servers
) -> None:
    dispatch, other = a_dispatch(), a_dispatch(lane=Lane.SYSTEM)
    await courier.send([dispatch, other])
    assert await run_by_arq(servers.redis_url) == arguments(dispatch)
    assert await run_by_arq(servers.redis_url, Lane.SYSTEM) == arguments(other)
    assert [key for key in await redis.keys() if b"health" not in key] == []


async def test_it_is_json_and_leaves_after_a_day(courier: ArqCourier, redis: Redis) -> None:
    dispatch = a_dispatch()
    await courier.send([dispatch])
    key = f"arq:job:{key_of(dispatch)}"
    job = json.loads(await redis.get(key) or b"")
    assert (job["f"], job["a"]) == ("run", [str(dispatch.reference.id), 3])
    assert 86_000 < await redis.ttl(key) <= 86_400


async def test_twice_is_once(courier: ArqCourier, redis: Redis, servers: Servers) -> None:
    first, second = a_dispatch(), a_dispatch()
    await courier.send([first])
    await asyncio.sleep(0.005)
    await courier.send([second, first, first])
    assert await redis.zcard(queue_name(Lane.USER)) == 2
    assert await run_by_arq(servers.redis_url) == arguments(first, second)


async def test_urgent_ones_come_first(courier: ArqCourier, redis: Redis, servers: Servers) -> None:
    dispatches = {priority: a_dispatch(priority) for priority in (9, 0, 5, 1)}
    await courier.send(list(dispatches.values()))
    ordered = [dispatches[priority] for priority in (0, 1, 5, 9)]
    assert await run_by_arq(servers.redis_url) == arguments(*ordered)


async def test_what_has_waited_long_goes_before_what_is_more_urgent(
    courier: ArqCourier, redis: Redis, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, urgent = a_dispatch(5), a_dispatch(4)
    await courier.send([urgent])
    monkeypatch.setattr(arq_courier, "time", lambda: 1_700_000_000)
    await courier.send([old])
    assert await run_by_arq(servers.redis_url) == arguments(old, urgent)


@pytest.mark.parametrize("ahead", [-24 * HOUR, HOUR, 24 * HOUR])
async def test_a_clock_that_is_wrong_keeps_no_job_waiting(
    courier: ArqCourier,
    redis: Redis,
    servers: Servers,
    monkeypatch: pytest.MonkeyPatch,
    ahead: float,
) -> None:
    now = time()
    monkeypatch.setattr(arq_courier, "time", lambda: now + ahead)
    dispatch = a_dispatch(9)
    await courier.send([dispatch])
    async with asyncio.timeout(5):
        assert await run_by_arq(servers.redis_url) == arguments(dispatch)


async def test_workers_of_the_lane_are_woken(courier: ArqCourier, redis: Redis) -> None:
    async with redis.pubsub() as subscription:
        await subscription.subscribe(*(wake_channel(lane) for lane in Lane))
        for _ in Lane:
            await subscription.get_message(timeout=5)
        await courier.send([a_dispatch(), a_dispatch()])
        message = await subscription.get_message(timeout=5)
        assert message is not None
        assert message["channel"].decode() == wake_channel(Lane.USER)
        assert await subscription.get_message(timeout=0.1) is None


async def test_nothing_to_send_is_no_error(courier: ArqCourier, redis: Redis) -> None:
    await courier.send([])
    assert await redis.keys() == []


async def refused(url: str, *, at_once: int = 1) -> float:
    """Seconds until all of them know that it is unavailable."""
    courier = ArqCourier(url, patience=PATIENCE)
    began = monotonic()
    calls = [courier.send([a_dispatch()]) for _ in range(at_once)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(answer) for answer in answers] == [Unavailable] * at_once
    took = monotonic() - began
    await courier.close()
    return took


async def test_without_redis_nobody_waits() -> None:
    for url in ("unix:///nowhere/redis.sock", "redis://127.0.0.1:1"):
        assert await refused(url, at_once=50) < 3 * PATIENCE


async def test_a_frozen_redis_holds_nobody_up(own_servers: OwnServers) -> None:
    own_servers.redis.freeze()
    assert await refused(own_servers.redis_url, at_once=50) < 3 * PATIENCE
    own_servers.redis.thaw()
    courier = ArqCourier(own_servers.redis_url, patience=5)
    await courier.send([a_dispatch()])
    await courier.close()


async def test_a_courier_goes_on_once_redis_is_back(own_servers: OwnServers) -> None:
    courier = ArqCourier(own_servers.redis_url, patience=PATIENCE)
    await courier.send([a_dispatch()])
    own_servers.redis.kill()
    with pytest.raises(Unavailable):
        await courier.send([a_dispatch()])
    own_servers.redis.start()
    dispatch = a_dispatch()
    await courier.send([dispatch])
    await courier.close()
    assert arguments(dispatch)[0] in await run_by_arq(own_servers.redis_url)


async def test_a_full_redis_is_unavailable(redis: Redis, courier: ArqCourier) -> None:
    await redis.config_set("maxmemory-policy", "noeviction")
    await redis.config_set("maxmemory", 1)
    try:
        with pytest.raises(Unavailable):
            await courier.send([a_dispatch()])
    finally:
        await redis.config_set("maxmemory", 0)
    await courier.send([a_dispatch()])
