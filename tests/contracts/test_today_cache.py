"""The cache of today's list, in memory and in Redis alike; and what happens without Redis."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from jubilee.adapters.ids import new_id
from jubilee.adapters.redis import client as redis_client
from jubilee.adapters.redis.birthdays import PREFIX, RedisTodayCache
from jubilee.adapters.redis.client import RedisAway, RedisClient
from jubilee.domain.birthdays import Celebration, TodayCache
from jubilee.domain.identity import UserId
from jubilee.domain.paging import Page
from tests.fakes.birthdays import FakeTodayCache
from tests.outages import OwnServers
from tests.servers import Servers

PATIENCE = 0.2
ZOE = Celebration(
    id=new_id(),
    name="Zoë",
    user_id=UserId(new_id()),
    born=date(1990, 11, 20),
    day=date(2026, 11, 20),
    days=0,
)
NOBODY = Celebration(id=new_id(), name=None, user_id=None, born=ZOE.born, day=ZOE.day, days=0)
PAGE = Page([ZOE, NOBODY], ("2026-11-20", "1120", str(NOBODY.id)))
LAST: Page[Celebration] = Page([], None)


@dataclass(slots=True)
class Database:
    """Gives a page and counts how often it was asked."""

    page: Page[Celebration] = PAGE
    asked: int = 0

    async def load(self) -> Page[Celebration]:
        self.asked += 1
        return self.page


@pytest.fixture
async def redis(servers: Servers) -> AsyncIterator[RedisClient]:
    client = RedisClient(servers.redis_url, timeout=5)
    yield client
    await client.close()


@pytest.fixture(params=["fake", "redis"])
def cache(request: pytest.FixtureRequest) -> TodayCache:
    if request.param == "fake":
        return FakeTodayCache()
    return RedisTodayCache(request.getfixturevalue("redis"))


@pytest.fixture
def key() -> str:
    """One that no other test has used."""
    return str(new_id())


@pytest.mark.parametrize("page", [PAGE, LAST])
async def test_a_page_is_loaded_once_and_comes_back_as_it_was(
    cache: TodayCache, key: str, page: Page[Celebration]
) -> None:
    database = Database(page)
    pages = [await cache.page(key, database.load, seconds=60) for _ in range(3)]
    assert pages == [page] * 3
    assert database.asked == 1


async def test_what_is_forgotten_is_loaded_again(cache: TodayCache, key: str) -> None:
    await cache.page(key, Database(PAGE).load, seconds=60)
    await cache.forget()
    assert await cache.page(key, Database(LAST).load, seconds=60) == LAST


async def test_what_was_read_before_it_was_forgotten_is_not_kept(
    cache: TodayCache, key: str
) -> None:
    async def overtaken() -> Page[Celebration]:
        await cache.forget()
        return PAGE

    assert await cache.page(key, overtaken, seconds=60) == PAGE
    assert await cache.page(key, Database(LAST).load, seconds=60) == LAST


async def test_every_key_has_a_page_of_its_own(cache: TodayCache, key: str) -> None:
    await cache.page(key, Database(PAGE).load, seconds=60)
    assert await cache.page(key + "2", Database(LAST).load, seconds=60) == LAST


async def test_a_page_is_kept_in_redis_for_as_long_as_was_said(
    redis: RedisClient, key: str
) -> None:
    await RedisTodayCache(redis).page(key, Database().load, seconds=30)
    assert 0 < await redis.run("PTTL", lambda r: r.pttl(PREFIX + key)) <= 30_000


@pytest.mark.parametrize("entry", ["", "{", "[]", '{"generation": "%s"}', "\xff"])
async def test_an_entry_that_cannot_be_read_is_none(
    redis: RedisClient, key: str, entry: str
) -> None:
    cache, database = RedisTodayCache(redis), Database()
    await cache.page(key, database.load, seconds=60)
    generation = await redis.run("GET", lambda r: r.get(PREFIX + "generation"))
    written = entry.replace("%s", generation.decode()).encode("latin-1")
    await redis.run("SET", lambda r: r.set(PREFIX + key, written))
    assert await cache.page(key, database.load, seconds=60) == PAGE
    assert database.asked == 2


async def test_the_processes_share_what_is_kept_and_what_is_forgotten(
    redis: RedisClient, key: str
) -> None:
    one, other = RedisTodayCache(redis), RedisTodayCache(redis)
    await one.page(key, Database(PAGE).load, seconds=60)
    assert await other.page(key, Database(LAST).load, seconds=60) == PAGE
    await other.forget()
    assert await one.page(key, Database(LAST).load, seconds=60) == LAST


async def test_a_redis_that_lost_everything_does_not_revive_a_page(
    redis: RedisClient, key: str
) -> None:
    cache = RedisTodayCache(redis)
    await cache.page(key, Database(PAGE).load, seconds=60)
    await redis.run("DELETE", lambda r: r.delete(PREFIX + "generation"))
    assert await cache.page(key, Database(LAST).load, seconds=60) == LAST


async def test_without_redis_the_list_is_answered_all_the_same(tmp_path: Path) -> None:
    client = RedisClient(f"unix://{tmp_path}/nobody.sock", timeout=PATIENCE)
    cache, database = RedisTodayCache(client), Database()
    await cache.forget()
    assert await cache.page("key", database.load, seconds=60) == PAGE
    assert not await client.ping()
    await client.close()


@pytest.fixture
async def frozen(own_servers: OwnServers) -> AsyncIterator[RedisClient]:
    """A client whose Redis keeps its connection and has stopped answering."""
    client = RedisClient(own_servers.redis_url, timeout=PATIENCE)
    assert await client.ping()
    own_servers.redis.freeze()
    yield client
    await client.close()


@pytest.mark.timing
async def test_a_redis_that_hangs_costs_the_first_request_little_and_the_next_nothing(
    frozen: RedisClient,
) -> None:
    cache, database = RedisTodayCache(frozen), Database()
    started = time.monotonic()
    assert await cache.page("key", database.load, seconds=60) == PAGE
    first = time.monotonic()
    for _ in range(100):
        await cache.page("key", database.load, seconds=60)
        await cache.forget()
    assert first - started < 2 * PATIENCE
    assert time.monotonic() - first < PATIENCE


async def test_a_hanging_redis_is_asked_again_after_a_rest(
    frozen: RedisClient, own_servers: OwnServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_client, "BACKOFF_S", 0.3)
    with pytest.raises(RedisAway):
        await frozen.run("GET", lambda redis: redis.get("key"))
    own_servers.redis.thaw()
    with pytest.raises(RedisAway):
        await frozen.run("GET", lambda redis: redis.get("key"))
    await asyncio.sleep(0.3)
    assert await frozen.run("GET", lambda redis: redis.get("key")) is None


async def test_a_change_that_redis_missed_is_made_up_for_when_it_is_back(
    own_servers: OwnServers,
) -> None:
    client = RedisClient(own_servers.redis_url, timeout=PATIENCE)
    cache = RedisTodayCache(client)
    await cache.page("key", Database(PAGE).load, seconds=60)
    own_servers.redis.freeze()
    await cache.forget()
    own_servers.redis.thaw()
    assert await client.ping()
    assert await cache.page("key", Database(LAST).load, seconds=60) == LAST
    await client.close()


async def test_answers_never_reach_the_wrong_caller_after_a_timeout(
    frozen: RedisClient, own_servers: OwnServers
) -> None:
    with pytest.raises(RedisAway):
        await frozen.run("SET", lambda redis: redis.set("key", "late", get=True))
    own_servers.redis.thaw()
    assert await frozen.ping()
    for number in range(50):
        assert await echoed(frozen, str(number)) == str(number).encode()


async def echoed(client: RedisClient, text: str) -> object:
    return await client.run("ECHO", lambda redis: redis.echo(text))
