"""A cache in Redis for pages of today's birthdays; without Redis, every page is loaded."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import cache
from secrets import token_hex
from typing import TypeAlias

from pydantic import TypeAdapter, ValidationError
from redis.asyncio import Redis

from jubilee.adapters.redis.client import RedisAway, RedisClient
from jubilee.domain.celebrations import Celebration, LoadPage, TodayCache
from jubilee.domain.paging import Page, Position

PREFIX = "jubilee:birthdays:today:"
GENERATION = PREFIX + "generation"
RECENT = PREFIX + "recent"
"""Exists while a replica may lack the last change."""
PAGES = PREFIX + "pages"
"""The keys of the stored pages: they contain names, and a change deletes them."""

STORE = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[2], ARGV[2], 'EX', ARGV[3])
redis.call('SADD', KEYS[3], KEYS[2])
if redis.call('TTL', KEYS[3]) < tonumber(ARGV[3]) then redis.call('EXPIRE', KEYS[3], ARGV[3]) end
return 1
"""
"""KEYS: the generation, a page, the keys of all pages. ARGV: the page's generation, the page, its
lifetime in seconds. A page that was read before the last change is not stored.
"""

RENEW = """
for _, page in ipairs(redis.call('SMEMBERS', KEYS[2])) do redis.call('DEL', page) end
redis.call('DEL', KEYS[2])
if tonumber(ARGV[2]) > 0 then redis.call('SET', KEYS[3], 1, 'EX', ARGV[2]) end
redis.call('SET', KEYS[1], ARGV[1])
"""
"""KEYS: the generation, the keys of all pages, RECENT. ARGV: a new generation, how many seconds
RECENT exists.
"""


CacheObserver: TypeAlias = Callable[[str, str], None]
"""Is called after each lookup with the cache's name and hit, miss or error."""


def _ignore(_: str, __: str) -> None:
    pass


@dataclass(frozen=True, slots=True)
class CachedPage:
    """The reply to a lookup; without a generation, a loaded page must not be stored."""

    generation: str | None = None
    page: Page[Celebration] | None = None
    recent: bool = True
    """Whether a replica may lack the last change."""

    @property
    def outcome(self) -> str:
        """The value of the metric's label."""
        if self.page is not None:
            return "hit"
        return "error" if self.generation is None else "miss"


class RedisTodayCache(TodayCache):
    """Stores each page with the generation that was current before the database was read.

    `forget` writes a new generation and deletes all stored pages. If that fails, this process does
    it before its next lookup; other processes may serve a stale page until it expires.
    """

    def __init__(
        self, client: RedisClient, observe: CacheObserver = _ignore, *, recent_s: int = 0
    ) -> None:
        """If Redis has no generation, the first lookup writes one.

        For `recent_s` seconds after a change, pages are loaded as recent; 0 without a replica.
        """
        self._client = client
        self._recent_s = recent_s
        self._observe = observe
        self._changes = 0
        self._published = 0  # how many of these changes have a generation in Redis

    async def page(self, key: str, load: LoadPage, *, seconds: int) -> Page[Celebration]:
        found = await self._lookup(key)
        self._observe("today", found.outcome)
        if found.page is not None:
            return found.page
        page = await load(recent=found.recent)
        if found.generation is not None:
            await self._store(key, found.generation, page, seconds)
        return page

    async def forget(self) -> None:
        self._changes += 1
        await self._renew()

    async def _lookup(self, key: str) -> CachedPage:
        if self._published < self._changes:
            return CachedPage(await self._renew())
        try:
            generation, stored, recent = await self._client.run(
                "MGET", lambda r: r.mget(GENERATION, PREFIX + key, RECENT)
            )
        except RedisAway:
            return CachedPage()
        if generation is None:
            return CachedPage(await self._renew())
        current = generation.decode(errors="replace")
        return CachedPage(current, _decode(current, stored), recent is not None)

    async def _store(
        self, key: str, generation: str, page: Page[Celebration], seconds: int
    ) -> None:
        names, entry = (GENERATION, PREFIX + key, PAGES), _encode(generation, page)

        async def store(redis: Redis) -> object:
            return await _eval(redis, STORE, names, generation, entry, seconds)

        await self._run(store)

    async def _renew(self) -> str | None:
        # Never reuse a generation: Redis may have lost its last writes.
        generation, changes = token_hex(8), self._changes

        async def renew(redis: Redis) -> object:
            names = (GENERATION, PAGES, RECENT)
            return await _eval(redis, RENEW, names, generation, self._recent_s)

        if not await self._run(renew):
            return None
        self._published = max(self._published, changes)
        return generation

    async def _run(self, command: Callable[[Redis], Awaitable[object]]) -> bool:
        try:
            await self._client.run("EVAL", command)
        except RedisAway:
            return False
        return True


async def _eval(
    redis: Redis, script: str, names: Sequence[str], *values: str | bytes | int
) -> object:
    return await redis.execute_command("EVAL", script, len(names), *names, *values)


@dataclass(frozen=True, slots=True)
class _Entry:
    """A page as it is stored."""

    generation: str
    rows: Sequence[Celebration]
    after: Position | None


@cache  # worth 10 ms that a process without such a page does not spend
def _entries() -> TypeAdapter[_Entry]:
    return TypeAdapter(_Entry)


def _encode(generation: str, page: Page[Celebration]) -> bytes:
    return _entries().dump_json(_Entry(generation, page.rows, page.after))


def _decode(generation: str, stored: bytes | None) -> Page[Celebration] | None:
    """The page, or None if it is of another generation or of a shape that this version rejects."""
    if stored is None:
        return None
    try:
        entry = _entries().validate_json(stored)
    except ValidationError:
        return None
    return Page(entry.rows, entry.after) if entry.generation == generation else None
