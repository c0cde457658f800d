"""A cache in Redis for pages of today's birthdays; without Redis, every page is loaded."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
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

    `forget` writes a new generation, which makes all stored pages stale. If that fails, this
    process writes one before its next lookup; other processes may serve a stale page until it
    expires.
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
            await self._store(key, _encode(found.generation, page), seconds)
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

    async def _store(self, key: str, entry: bytes, seconds: int) -> None:
        async def store(redis: Redis) -> object:
            return await redis.set(PREFIX + key, entry, ex=seconds)

        await self._run(store)

    async def _renew(self) -> str | None:
        # Never reuse a generation: Redis may have lost its last writes.
        generation, changes = token_hex(8), self._changes

        async def renew(redis: Redis) -> object:
            if self._recent_s:
                await redis.set(RECENT, 1, ex=self._recent_s)
            return await redis.set(GENERATION, generation)

        if not await self._run(renew):
            return None
        self._published = max(self._published, changes)
        return generation

    async def _run(self, command: Callable[[Redis], Awaitable[object]]) -> bool:
        try:
            await self._client.run("SET", command)
        except RedisAway:
            return False
        return True


@dataclass(frozen=True, slots=True)
class _Entry:
    """A page as it is stored."""

    generation: str
    rows: Sequence[Celebration]
    after: Position | None


_ENTRIES = TypeAdapter(_Entry)


def _encode(generation: str, page: Page[Celebration]) -> bytes:
    return _ENTRIES.dump_json(_Entry(generation, page.rows, page.after))


def _decode(generation: str, stored: bytes | None) -> Page[Celebration] | None:
    """The page, or None if it is of another generation or of a shape that this version rejects."""
    if stored is None:
        return None
    try:
        entry = _ENTRIES.validate_json(stored)
    except ValidationError:
        return None
    return Page(entry.rows, entry.after) if entry.generation == generation else None
