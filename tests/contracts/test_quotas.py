"""Counters of requests, in memory and in Redis."""

from secrets import token_bytes

import pytest

from jubilee.adapters.redis.client import RedisClient
from jubilee.adapters.redis.quotas import PREFIX, RedisQuotaStore
from jubilee.domain.errors import Unavailable
from jubilee.domain.rate_limits.quotas import QuotaStore
from tests.fakes.quotas import FakeQuotaStore
from tests.support.api import NO_REDIS


@pytest.fixture(params=["fake", "redis"])
def store(request: pytest.FixtureRequest) -> QuotaStore:
    if request.param == "fake":
        return FakeQuotaStore()
    return RedisQuotaStore(request.getfixturevalue("redis"), token_bytes(32))


async def test_every_name_has_a_sum_of_its_own(store: QuotaStore) -> None:
    sums = [await store.take("zoe", requests, seconds=60) for requests in (1, 5)]
    assert (sums, await store.take("max", 2, seconds=60)) == ([1, 6], 2)


async def test_a_counter_in_redis_expires_and_shows_no_address(redis: RedisClient) -> None:
    before = set(await redis.run("KEYS", lambda r: r.keys(PREFIX + "*")))
    await RedisQuotaStore(redis, token_bytes(32)).take("read:1:192.0.2.1", 1, seconds=60)
    (added,) = set(await redis.run("KEYS", lambda r: r.keys(PREFIX + "*"))) - before
    assert b"192.0.2.1" not in added
    assert 0 < await redis.run("TTL", lambda r: r.ttl(added)) <= 60


async def test_without_redis_the_store_is_unavailable() -> None:
    away = RedisClient(NO_REDIS, timeout=0.2)
    with pytest.raises(Unavailable):
        await RedisQuotaStore(away, token_bytes(32)).take("zoe", 1, seconds=60)
    await away.close()
