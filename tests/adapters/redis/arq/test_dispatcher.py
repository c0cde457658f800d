"""The dispatcher on a real Redis: its messages, and its timeouts."""

import asyncio
import json
from collections.abc import AsyncIterator
from time import monotonic, time
from typing import Any

import pytest
from arq.connections import ArqRedis
from arq.constants import job_key_prefix
from arq.worker import Worker, func
from redis.asyncio import ConnectionPool, Redis

from jubilee.adapters.ids import new_id
from jubilee.adapters.redis.arq import dispatcher as arq_dispatcher
from jubilee.adapters.redis.arq.dispatcher import ArqJobDispatcher
from jubilee.adapters.redis.arq.messages import (
    FUNCTION,
    behind_key,
    message_id,
    queue_name,
    unpack,
    wake_channel,
)
from jubilee.domain.errors import Unavailable
from jubilee.domain.jobs.kinds import JobQueueName, KindSet
from jubilee.domain.jobs.store import Dispatch, JobReference
from tests.servers import Servers
from tests.support.outages import OwnServers

TIMEOUT_S = 0.2  # for what must fail
PATIENCE_S = 30.0  # for what must succeed on a busy machine
AT_ONCE = 50
BOUND_S = 2.0  # AT_ONCE calls, four at a time, would take longer one after another
HOUR_S = 3600
KNOWN = KindSet(frozenset({"echo"}))


@pytest.fixture
async def redis(servers: Servers) -> AsyncIterator[Redis]:
    redis: Redis = Redis.from_url(servers.redis_url)
    await redis.flushall()
    yield redis
    await redis.flushall()
    await redis.aclose()


@pytest.fixture
async def dispatcher(servers: Servers) -> AsyncIterator[ArqJobDispatcher]:
    dispatcher = ArqJobDispatcher(servers.redis_url, timeout=PATIENCE_S)
    yield dispatcher
    await dispatcher.close()


def make_dispatch(priority: int = 5, queue: JobQueueName = JobQueueName.USER) -> Dispatch:
    return Dispatch(JobReference(new_id(), 3), queue, priority, "echo")


async def run_by_arq(url: str, queue: JobQueueName = JobQueueName.USER) -> list[tuple[object, ...]]:
    """Return the arguments that ARQ's own worker gets until its queue is empty."""
    received: list[tuple[object, ...]] = []

    async def run(ctx: dict[Any, Any], *args: object) -> None:
        received.append(args)

    pool = ArqRedis(ConnectionPool.from_url(url))
    worker = Worker(
        functions=[func(run, name=FUNCTION, keep_result=0)],
        queue_name=queue_name(queue, KNOWN),
        redis_pool=pool,
        job_deserializer=unpack,
        handle_signals=False,
        burst=True,
        poll_delay=0.01,
        max_jobs=1,
    )
    await worker.main()
    await pool.aclose(close_connection_pool=True)
    return received


def arguments(*dispatches: Dispatch) -> list[tuple[object, ...]]:
    return [(str(d.reference.id), d.reference.epoch) for d in dispatches]


async def test_arqs_own_worker_runs_the_message(
    dispatcher: ArqJobDispatcher, redis: Redis, servers: Servers
) -> None:
    dispatch, other = make_dispatch(), make_dispatch(queue=JobQueueName.SYSTEM)
    await dispatcher.send([dispatch, other], KNOWN)
    assert await run_by_arq(servers.redis_url) == arguments(dispatch)
    assert await run_by_arq(servers.redis_url, JobQueueName.SYSTEM) == arguments(other)
    assert [key for key in await redis.keys() if b"health" not in key] == []


async def test_a_message_is_json_and_expires_after_a_day(
    dispatcher: ArqJobDispatcher, redis: Redis
) -> None:
    dispatch = make_dispatch()
    await dispatcher.send([dispatch], KNOWN)
    key = job_key_prefix + message_id(dispatch.reference)
    job = json.loads(await redis.get(key) or b"")
    assert (job["f"], job["a"]) == ("run", [str(dispatch.reference.id), 3])
    assert 86_000 < await redis.ttl(key) <= 86_400


async def test_sending_a_job_twice_queues_it_once(
    dispatcher: ArqJobDispatcher, redis: Redis, servers: Servers
) -> None:
    first, second = make_dispatch(), make_dispatch()
    await dispatcher.send([first], KNOWN)
    await asyncio.sleep(0.005)
    await dispatcher.send([second, first, first], KNOWN)
    assert await redis.zcard(queue_name(JobQueueName.USER, KNOWN)) == 2
    assert await run_by_arq(servers.redis_url) == arguments(first, second)


async def test_urgent_jobs_are_taken_first(
    dispatcher: ArqJobDispatcher, redis: Redis, servers: Servers
) -> None:
    dispatches = {priority: make_dispatch(priority) for priority in (9, 0, 5, 1)}
    await dispatcher.send(list(dispatches.values()), KNOWN)
    ordered = [dispatches[priority] for priority in (0, 1, 5, 9)]
    assert await run_by_arq(servers.redis_url) == arguments(*ordered)


async def test_a_job_that_waited_long_precedes_a_more_urgent_one(
    dispatcher: ArqJobDispatcher, redis: Redis, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, urgent = make_dispatch(5), make_dispatch(4)
    await dispatcher.send([urgent], KNOWN)
    monkeypatch.setattr(arq_dispatcher, "time", lambda: 1_700_000_000)
    await dispatcher.send([old], KNOWN)
    assert await run_by_arq(servers.redis_url) == arguments(old, urgent)


@pytest.mark.parametrize("ahead", [-24 * HOUR_S, HOUR_S, 24 * HOUR_S])
async def test_a_wrong_clock_delays_no_job(
    dispatcher: ArqJobDispatcher,
    redis: Redis,
    servers: Servers,
    monkeypatch: pytest.MonkeyPatch,
    ahead: float,
) -> None:
    now = time()
    monkeypatch.setattr(arq_dispatcher, "time", lambda: now + ahead)
    dispatch = make_dispatch(9)
    await dispatcher.send([dispatch], KNOWN)
    async with asyncio.timeout(PATIENCE_S):
        assert await run_by_arq(servers.redis_url) == arguments(dispatch)


async def test_sending_wakes_the_workers_of_the_queue(
    dispatcher: ArqJobDispatcher, redis: Redis
) -> None:
    async with redis.pubsub() as subscription:
        await subscription.subscribe(
            *(wake_channel(queue_name(queue, KNOWN)) for queue in JobQueueName)
        )
        for _ in JobQueueName:
            await subscription.get_message(timeout=PATIENCE_S)
        await dispatcher.send([make_dispatch(), make_dispatch()], KNOWN)
        message = await subscription.get_message(timeout=PATIENCE_S)
        assert message is not None
        assert message["channel"].decode() == wake_channel(queue_name(JobQueueName.USER, KNOWN))
        assert await subscription.get_message(timeout=0.1) is None


async def test_each_set_of_kinds_has_its_own_queues(
    dispatcher: ArqJobDispatcher, redis: Redis, servers: Servers
) -> None:
    older, newer = make_dispatch(), make_dispatch()
    await dispatcher.send([older], KNOWN)
    await dispatcher.send([newer], KindSet(frozenset({"echo", "new"})))
    assert await run_by_arq(servers.redis_url) == arguments(older)
    (remaining,) = [key async for key in redis.scan_iter("jubilee:jobs:*", _type="zset")]
    assert await redis.zrange(remaining, 0, -1) == [message_id(newer.reference).encode()]
    assert 86_000 < await redis.ttl(remaining) <= 86_400


async def test_a_message_that_is_not_in_its_queue_is_missing(
    dispatcher: ArqJobDispatcher, redis: Redis
) -> None:
    sent = [make_dispatch(), make_dispatch(queue=JobQueueName.SYSTEM)]
    lost = [make_dispatch(), make_dispatch(queue=JobQueueName.SYSTEM)]
    await dispatcher.send([sent[0], lost[1], sent[1]], KNOWN)
    await redis.zrem(queue_name(JobQueueName.SYSTEM, KNOWN), message_id(lost[1].reference))
    assert set(await dispatcher.missing([*sent, *lost], KNOWN)) == set(lost)
    assert await dispatcher.missing(sent, KNOWN) == []
    assert await dispatcher.missing([], KNOWN) == []
    other = KindSet(frozenset({"other"}))
    assert set(await dispatcher.missing(sent, other)) == set(sent)


async def test_a_level_is_full_if_as_many_messages_precede_a_new_one(
    dispatcher: ArqJobDispatcher, redis: Redis
) -> None:
    await dispatcher.send([make_dispatch(5), make_dispatch(5), make_dispatch(3)], KNOWN)
    limits = {JobQueueName.USER: 3, JobQueueName.SYSTEM: 1}
    full = await dispatcher.full_levels(KNOWN, limits)
    assert full == [(JobQueueName.USER, priority) for priority in range(5, 10)]


async def test_new_jobs_of_a_queue_that_is_held_back_are_left_to_the_relay(
    dispatcher: ArqJobDispatcher, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arq_dispatcher, "HELD_CHECK_S", 0)
    monkeypatch.setattr(arq_dispatcher, "HOLD_S", 60)
    await dispatcher.hold_back([JobQueueName.USER], KNOWN)
    noticed, held, other = make_dispatch(), make_dispatch(), make_dispatch(1, JobQueueName.SYSTEM)
    await dispatcher.offer([noticed], KNOWN)
    await dispatcher.offer([held, other], KNOWN)
    assert await dispatcher.missing([noticed, held, other], KNOWN) == [held]
    await redis.delete(behind_key(queue_name(JobQueueName.USER, KNOWN)))
    await dispatcher.offer([held], KNOWN)
    assert await dispatcher.missing([held], KNOWN) == []


async def test_sending_nothing_succeeds(dispatcher: ArqJobDispatcher, redis: Redis) -> None:
    await dispatcher.send([], KNOWN)
    assert await redis.keys() == []


async def seconds_until_unavailable(url: str, *, at_once: int = 1) -> float:
    """Return the seconds until all calls have raised Unavailable."""
    dispatcher = ArqJobDispatcher(url, timeout=TIMEOUT_S)
    began = monotonic()
    calls = [dispatcher.send([make_dispatch()], KNOWN) for _ in range(at_once)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(answer) for answer in answers] == [Unavailable] * at_once
    seconds = monotonic() - began
    await dispatcher.close()
    return seconds


@pytest.mark.timing(waits=True)
async def test_an_unreachable_redis_fails_within_the_timeout() -> None:
    for url in ("unix:///nowhere/redis.sock", "redis://127.0.0.1:1"):
        assert await seconds_until_unavailable(url, at_once=AT_ONCE) < BOUND_S


@pytest.mark.timing(waits=True)
async def test_a_frozen_redis_fails_within_the_timeout(own_servers: OwnServers) -> None:
    own_servers.redis.freeze()
    assert await seconds_until_unavailable(own_servers.redis_url, at_once=AT_ONCE) < BOUND_S
    own_servers.redis.thaw()
    dispatcher = ArqJobDispatcher(own_servers.redis_url, timeout=PATIENCE_S)
    await dispatcher.send([make_dispatch()], KNOWN)
    await dispatcher.close()


async def test_the_dispatcher_recovers_when_redis_is_back(own_servers: OwnServers) -> None:
    dispatcher = ArqJobDispatcher(own_servers.redis_url, timeout=PATIENCE_S)
    await dispatcher.send([make_dispatch()], KNOWN)
    own_servers.redis.kill()
    with pytest.raises(Unavailable):
        await dispatcher.send([make_dispatch()], KNOWN)
    own_servers.redis.start()
    dispatch = make_dispatch()
    await dispatcher.send([dispatch], KNOWN)
    await dispatcher.close()
    assert arguments(dispatch)[0] in await run_by_arq(own_servers.redis_url)


async def test_a_full_redis_is_unavailable(redis: Redis, dispatcher: ArqJobDispatcher) -> None:
    await redis.config_set("maxmemory-policy", "noeviction")
    await redis.config_set("maxmemory", 1)
    try:
        with pytest.raises(Unavailable):
            await dispatcher.send([make_dispatch()], KNOWN)
    finally:
        await redis.config_set("maxmemory", 0)
    await dispatcher.send([make_dispatch()], KNOWN)
