"""The cache of today's list, in memory and in Redis, and while Redis is unavailable."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from jubilee.adapters.ids import new_id
from jubilee.adapters.redis import client as redis_client
from jubilee.adapters.redis.birthdays import PREFIX, RECENT, RedisTodayCache
from jubilee.adapters.redis.client import RedisAway, RedisClient
from jubilee.domain.celebrations import Celebration, TodayCache
from jubilee.domain.identity import UserId
from jubilee.domain.paging import Page
from tests.fakes.birthdays import FakeTodayCache
from tests.support.api import NO_REDIS
from tests.support.outages import OwnServers

TIMEOUT_S = 0.2  # for what must fail
PATIENCE_S = 30.0  # for what must succeed on a busy machine
ZOE = Celebration(
    id=new_id(),
    name="Zoë",
    user_id=UserId(new_id()),
    born=date(1990, 11, 20),
    day=date(2026, 11, 20),
    days=0,
)
ANONYMOUS = Celebration(id=new_id(), name=None, user_id=None, born=ZOE.born, day=ZOE.day, days=0)
PAGE = Page([ZOE, ANONYMOUS], ("2026-11-20", "1120", str(ANONYMOUS.id)))
LAST: Page[Celebration] = Page([], None)


@dataclass(slots=True)
class PageSource:
    """Return a page and count the calls."""

    page: Page[Celebration] = PAGE
    loads: int = 0

    recent: bool | None = None

    async def load(self, *, recent: bool) -> Page[Celebration]:
        self.recent = recent
        self.loads += 1
        return self.page


@pytest.fixture(params=["fake", "redis"])
def cache(request: pytest.FixtureRequest) -> TodayCache:
    if request.param == "fake":
        return FakeTodayCache()
    return RedisTodayCache(request.getfixturevalue("redis"))


@pytest.fixture
def key() -> str:
    """A key that no other test uses."""
    return str(new_id())


@pytest.mark.parametrize("page", [PAGE, LAST])
async def test_a_page_is_loaded_once_and_returned_unchanged(
    cache: TodayCache, key: str, page: Page[Celebration]
) -> None:
    source = PageSource(page)
    pages = [await cache.page(key, source.load, seconds=60) for _ in range(3)]
    assert pages == [page] * 3
    assert source.loads == 1


async def test_forgetting_clears_the_cache(cache: TodayCache, key: str) -> None:
    await cache.page(key, PageSource(PAGE).load, seconds=60)
    await cache.forget()
    assert await cache.page(key, PageSource(LAST).load, seconds=60) == LAST


async def test_a_page_loaded_before_forget_is_not_stored(cache: TodayCache, key: str) -> None:
    async def load_and_forget(*, recent: bool) -> Page[Celebration]:
        await cache.forget()
        return PAGE

    assert await cache.page(key, load_and_forget, seconds=60) == PAGE
    assert await cache.page(key, PageSource(LAST).load, seconds=60) == LAST


async def test_a_page_is_recent_for_a_while_after_a_change(redis: RedisClient, key: str) -> None:
    cache, before, after = RedisTodayCache(redis, recent_s=60), PageSource(), PageSource()
    await cache.page(key, PageSource().load, seconds=60)  # an empty Redis counts as a change
    await redis.run("DEL", lambda r: r.delete(RECENT))
    await cache.page(f"{key}:2", before.load, seconds=60)
    await cache.forget()
    await cache.page(key, after.load, seconds=60)
    assert (before.recent, after.recent) == (False, True)


async def test_without_redis_every_page_is_recent(key: str) -> None:
    away, source = RedisClient(NO_REDIS, timeout=TIMEOUT_S), PageSource()
    await RedisTodayCache(away).page(key, source.load, seconds=60)
    await away.close()
    assert source.recent is True


async def test_every_key_has_its_own_page(cache: TodayCache, key: str) -> None:
    await cache.page(key, PageSource(PAGE).load, seconds=60)
    assert await cache.page(key + "2", PageSource(LAST).load, seconds=60) == LAST


async def test_a_page_expires_after_the_given_seconds(redis: RedisClient, key: str) -> None:
    await RedisTodayCache(redis).page(key, PageSource().load, seconds=30)
    assert 0 < await redis.run("PTTL", lambda r: r.pttl(PREFIX + key)) <= 30_000


@pytest.mark.parametrize("entry", ["", "{", "[]", '{"generation": "%s"}', "\xff"])
async def test_an_unreadable_entry_is_a_miss(redis: RedisClient, key: str, entry: str) -> None:
    cache, source = RedisTodayCache(redis), PageSource()
    await cache.page(key, source.load, seconds=60)
    generation = await redis.run("GET", lambda r: r.get(PREFIX + "generation"))
    written = entry.replace("%s", generation.decode()).encode("latin-1")
    await redis.run("SET", lambda r: r.set(PREFIX + key, written))
    assert await cache.page(key, source.load, seconds=60) == PAGE
    assert source.loads == 2


async def test_processes_share_pages_and_forgetting(redis: RedisClient, key: str) -> None:
    first, other = RedisTodayCache(redis), RedisTodayCache(redis)
    await first.page(key, PageSource(PAGE).load, seconds=60)
    assert await other.page(key, PageSource(LAST).load, seconds=60) == PAGE
    await other.forget()
    assert await first.page(key, PageSource(LAST).load, seconds=60) == LAST


async def test_forgetting_deletes_the_pages_which_contain_names(
    redis: RedisClient, key: str
) -> None:
    cache = RedisTodayCache(redis)
    await cache.page(key, PageSource().load, seconds=30)
    assert await redis.run("EXISTS", lambda r: r.exists(PREFIX + key)) == 1
    await cache.forget()
    assert await redis.run("EXISTS", lambda r: r.exists(PREFIX + key)) == 0


async def test_a_redis_that_lost_its_generation_does_not_serve_old_pages(
    redis: RedisClient, key: str
) -> None:
    cache = RedisTodayCache(redis)
    await cache.page(key, PageSource(PAGE).load, seconds=60)
    await redis.run("DELETE", lambda r: r.delete(PREFIX + "generation"))
    assert await cache.page(key, PageSource(LAST).load, seconds=60) == LAST


async def test_pages_are_loaded_while_redis_is_unreachable(tmp_path: Path) -> None:
    client = RedisClient(f"unix://{tmp_path}/missing.sock", timeout=TIMEOUT_S)
    cache, source = RedisTodayCache(client), PageSource()
    await cache.forget()
    assert await cache.page("key", source.load, seconds=60) == PAGE
    assert not await client.ping()
    await client.close()


@pytest.fixture
async def frozen(own_servers: OwnServers) -> AsyncIterator[RedisClient]:
    """A client whose Redis is frozen: it keeps the connection and answers nothing."""
    client = RedisClient(own_servers.redis_url, timeout=PATIENCE_S)
    assert await client.ping()
    own_servers.redis.freeze()
    client._timeout = TIMEOUT_S
    yield client
    await client.close()


def thaw(servers: OwnServers, client: RedisClient) -> None:
    """Let Redis answer again, in the time that it needs."""
    servers.redis.thaw()
    client._timeout = PATIENCE_S


@pytest.mark.timing(waits=True)
async def test_a_hanging_redis_delays_only_the_first_request(
    frozen: RedisClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_client, "BACKOFF_S", 60)
    frozen._timeout = timeout = 3.0
    cache, source = RedisTodayCache(frozen), PageSource()
    started = time.monotonic()
    assert await cache.page("key", source.load, seconds=60) == PAGE
    first = time.monotonic()
    for _ in range(100):
        await cache.page("key", source.load, seconds=60)
        await cache.forget()
    assert first - started < 2 * timeout
    assert time.monotonic() - first < timeout


async def test_a_hanging_redis_is_tried_again_after_the_backoff(
    frozen: RedisClient, own_servers: OwnServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_client, "BACKOFF_S", 60)
    with pytest.raises(RedisAway):
        await frozen.run("GET", lambda redis: redis.get("key"))
    thaw(own_servers, frozen)
    with pytest.raises(RedisAway):
        await frozen.run("GET", lambda redis: redis.get("key"))
    later = time.monotonic() + 60
    monkeypatch.setattr(redis_client, "monotonic", lambda: later)
    assert await frozen.run("GET", lambda redis: redis.get("key")) is None


async def test_a_forget_that_redis_missed_is_repeated_when_it_is_back(
    own_servers: OwnServers,
) -> None:
    client = RedisClient(own_servers.redis_url, timeout=PATIENCE_S)
    cache = RedisTodayCache(client)
    await cache.page("key", PageSource(PAGE).load, seconds=60)
    own_servers.redis.freeze()
    client._timeout = TIMEOUT_S
    await cache.forget()
    thaw(own_servers, client)
    assert await client.ping()
    assert await cache.page("key", PageSource(LAST).load, seconds=60) == LAST
    await client.close()


async def test_a_late_answer_is_not_given_to_another_caller(
    frozen: RedisClient, own_servers: OwnServers
) -> None:
    with pytest.raises(RedisAway):
        await frozen.run("SET", lambda redis: redis.set("key", "late", get=True))
    thaw(own_servers, frozen)
    assert await frozen.ping()
    for number in range(50):
        assert await echo(frozen, str(number)) == str(number).encode()


async def echo(client: RedisClient, text: str) -> object:
    return await client.run("ECHO", lambda redis: redis.echo(text))
