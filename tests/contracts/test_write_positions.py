"""Positions of callers' writes in Redis, which several instances share."""

import pytest

from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.replica.write_log import UNKNOWN
from jubilee.adapters.redis.client import RedisClient
from jubilee.adapters.redis.write_positions import BATCH_SIZE, PREFIX, RedisWritePositions
from tests.servers import Servers
from tests.support.outages import OwnServers


@pytest.fixture
def caller() -> str:
    """A caller without writes."""
    return str(new_id())


def positions(redis: RedisClient) -> RedisWritePositions:
    return RedisWritePositions(redis, seconds=60, unknown=UNKNOWN)


async def test_the_later_of_two_positions_is_kept(redis: RedisClient, caller: str) -> None:
    one, other = positions(redis), positions(redis)
    assert await one.last(caller) == 0
    await one.record(caller, 1 << 50)
    await other.record(caller, 7)
    assert await one.last(caller) == await other.last(caller) == 1 << 50


async def test_an_unknown_position_is_later_than_any(redis: RedisClient, caller: str) -> None:
    await positions(redis).record(caller, UNKNOWN)
    assert await positions(redis).last(caller) == UNKNOWN


async def test_a_position_expires(redis: RedisClient, caller: str) -> None:
    await positions(redis).record(caller, 7)
    assert 0 < await redis.run("TTL", lambda r: r.ttl(PREFIX + caller)) <= 60


async def test_the_positions_of_many_callers_are_published_in_batches(servers: Servers) -> None:
    commands: list[str] = []

    def observe(command: str, seconds: float, *, failure: BaseException | None) -> None:
        assert failure is None, seconds
        commands.append(command)

    redis = RedisClient(servers.redis_url, timeout=5, observe=observe)
    callers, kept = [str(new_id()) for _ in range(2 * BATCH_SIZE + 1)], positions(redis)
    kept._unpublished = dict.fromkeys(callers, 7)
    await kept.publish()
    assert commands == ["ZADD"] * 3
    assert [await kept.last(caller) for caller in callers] == [7] * len(callers)
    await redis.close()


async def test_what_redis_did_not_take_is_published_once_it_answers(
    own_servers: OwnServers, caller: str
) -> None:
    redis = RedisClient(own_servers.redis_url, timeout=5)
    one, other = positions(redis), positions(redis)
    own_servers.redis.kill()
    await one.record(caller, 7)
    assert await one.last(caller) == UNKNOWN
    own_servers.redis.start()
    assert await redis.ping()
    await one.publish()
    assert await one.last(caller) == await other.last(caller) == 7
    await redis.close()
