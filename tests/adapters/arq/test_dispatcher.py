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

from jubilee.adapters.arq import dispatcher as arq_courier
from jubilee.adapters.arq.dispatcher import FUNCTION, ArqCourier, queue_name, unpack, wake_channel
from jubilee.domain.errors import Unavailable
from jubilee.domain.jobs.kinds import KindSet, Lane
from jubilee.domain.jobs.store import Dispatch, Reference
from tests.fakes.store import fresh_id
from tests.outages import OwnServers
from tests.servers import Servers

PATIENCE = 0.2
HOUR = 3600
KNOWN = KindSet(frozenset({"echo"}))


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
    return Dispatch(Reference(fresh_id(), 3), lane, priority, "echo")


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
        queue_name=queue_name(lane, KNOWN),
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
    await courier.send([dispatch, other], KNOWN)
    assert await run_by_arq(servers.redis_url) == arguments(dispatch)
    assert await run_by_arq(servers.redis_url, Lane.SYSTEM) == arguments(other)
    assert [key for key in await redis.keys() if b"health" not in key] == []


async def test_it_is_json_and_leaves_after_a_day(courier: ArqCourier, redis: Redis) -> None:
    dispatch = a_dispatch()
    await courier.send([dispatch], KNOWN)
    key = f"arq:job:{key_of(dispatch)}"
    job = json.loads(await redis.get(key) or b"")
    assert (job["f"], job["a"]) == ("run", [str(dispatch.reference.id), 3])
    assert 86_000 < await redis.ttl(key) <= 86_400


async def test_twice_is_once(courier: ArqCourier, redis: Redis, servers: Servers) -> None:
    first, second = a_dispatch(), a_dispatch()
    await courier.send([first], KNOWN)
    await asyncio.sleep(0.005)
    await courier.send([second, first, first], KNOWN)
    assert await redis.zcard(queue_name(Lane.USER, KNOWN)) == 2
    assert await run_by_arq(servers.redis_url) == arguments(first, second)


async def test_urgent_ones_come_first(courier: ArqCourier, redis: Redis, servers: Servers) -> None:
    dispatches = {priority: a_dispatch(priority) for priority in (9, 0, 5, 1)}
    await courier.send(list(dispatches.values()), KNOWN)
    ordered = [dispatches[priority] for priority in (0, 1, 5, 9)]
    assert await run_by_arq(servers.redis_url) == arguments(*ordered)


async def test_what_has_waited_long_goes_before_what_is_more_urgent(
    courier: ArqCourier, redis: Redis, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, urgent = a_dispatch(5), a_dispatch(4)
    await courier.send([urgent], KNOWN)
    monkeypatch.setattr(arq_courier, "time", lambda: 1_700_000_000)
    await courier.send([old], KNOWN)
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
    await courier.send([dispatch], KNOWN)
    async with asyncio.timeout(5):
        assert await run_by_arq(servers.redis_url) == arguments(dispatch)


async def test_workers_of_the_lane_are_woken(courier: ArqCourier, redis: Redis) -> None:
    async with redis.pubsub() as subscription:
        await subscription.subscribe(*(wake_channel(queue_name(lane, KNOWN)) for lane in Lane))
        for _ in Lane:
            await subscription.get_message(timeout=5)
        await courier.send([a_dispatch(), a_dispatch()], KNOWN)
        message = await subscription.get_message(timeout=5)
        assert message is not None
        assert message["channel"].decode() == wake_channel(queue_name(Lane.USER, KNOWN))
        assert await subscription.get_message(timeout=0.1) is None


async def test_each_set_of_kinds_has_queues_of_its_own(
    courier: ArqCourier, redis: Redis, servers: Servers
) -> None:
    older, newer = a_dispatch(), a_dispatch()
    await courier.send([older], KNOWN)
    await courier.send([newer], KindSet(frozenset({"echo", "new"})))
    assert await run_by_arq(servers.redis_url) == arguments(older)
    (left,) = [key async for key in redis.scan_iter("jubilee:jobs:*", _type="zset")]
    assert await redis.zrange(left, 0, -1) == [key_of(newer).encode()]
    assert 86_000 < await redis.ttl(left) <= 86_400


async def test_what_is_not_in_its_queue_is_missing(courier: ArqCourier, redis: Redis) -> None:
    sent = [a_dispatch(), a_dispatch(lane=Lane.SYSTEM)]
    lost = [a_dispatch(), a_dispatch(lane=Lane.SYSTEM)]
    await courier.send([sent[0], lost[1], sent[1]], KNOWN)
    await redis.zrem(queue_name(Lane.SYSTEM, KNOWN), key_of(lost[1]))
    assert set(await courier.missing([*sent, *lost], KNOWN)) == set(lost)
    assert await courier.missing(sent, KNOWN) == []
    assert await courier.missing([], KNOWN) == []
    other = KindSet(frozenset({"other"}))
    assert set(await courier.missing(sent, other)) == set(sent)


async def test_nothing_to_send_is_no_error(courier: ArqCourier, redis: Redis) -> None:
    await courier.send([], KNOWN)
    assert await redis.keys() == []


async def refused(url: str, *, at_once: int = 1) -> float:
    """Seconds until all of them know that it is unavailable."""
    courier = ArqCourier(url, patience=PATIENCE)
    began = monotonic()
    calls = [courier.send([a_dispatch()], KNOWN) for _ in range(at_once)]
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
    await courier.send([a_dispatch()], KNOWN)
    await courier.close()


async def test_a_courier_goes_on_once_redis_is_back(own_servers: OwnServers) -> None:
    courier = ArqCourier(own_servers.redis_url, patience=PATIENCE)
    await courier.send([a_dispatch()], KNOWN)
    own_servers.redis.kill()
    with pytest.raises(Unavailable):
        await courier.send([a_dispatch()], KNOWN)
    own_servers.redis.start()
    dispatch = a_dispatch()
    await courier.send([dispatch], KNOWN)
    await courier.close()
    assert arguments(dispatch)[0] in await run_by_arq(own_servers.redis_url)


async def test_a_full_redis_is_unavailable(redis: Redis, courier: ArqCourier) -> None:
    await redis.config_set("maxmemory-policy", "noeviction")
    await redis.config_set("maxmemory", 1)
    try:
        with pytest.raises(Unavailable):
            await courier.send([a_dispatch()], KNOWN)
    finally:
        await redis.config_set("maxmemory", 0)
    await courier.send([a_dispatch()], KNOWN)
