"""Pages of today's birthdays in Redis; whatever happens there, the list is answered."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date
from secrets import token_hex
from typing import Any, TypeAlias
from uuid import UUID

from redis.asyncio import Redis

from jubilee.adapters.redis.client import RedisAway, RedisClient
from jubilee.domain.birthdays import Celebration, TodayCache
from jubilee.domain.identity import UserId
from jubilee.domain.paging import Page

PREFIX = "jubilee:birthdays:today:"
GENERATION = PREFIX + "generation"


CacheObserver: TypeAlias = Callable[[str, str], None]
"""Hears of a look into a cache: its name, and hit, miss or error."""


def _ignore(_: str, __: str) -> None:
    pass


@dataclass(frozen=True, slots=True)
class CachedPage:
    """What Redis knows; without a generation nothing may be kept."""

    generation: str | None = None
    page: Page[Celebration] | None = None

    @property
    def outcome(self) -> str:
        """For whoever counts."""
        if self.page is not None:
            return "hit"
        return "error" if self.generation is None else "miss"


class RedisTodayCache(TodayCache):
    """Every page bears the generation that held before it was read from the database.

    Forgetting is a new generation. Where that fails, this process makes up for it before it
    looks again; others may see a page that is stale, but never for longer than it is kept.
    """

    def __init__(self, client: RedisClient, looked: CacheObserver = _ignore) -> None:
        """The generation of a Redis that has none is made up at once; `looked` hears of looks."""
        self._client = client
        self._looked = looked
        self._changes = 0
        self._told = 0  # how many of them Redis knows of

    async def page(
        self, key: str, load: Callable[[], Awaitable[Page[Celebration]]], *, seconds: int
    ) -> Page[Celebration]:
        found = await self._look(key)
        self._looked("today", found.outcome)
        if found.page is not None:
            return found.page
        page = await load()
        if found.generation is not None:
            await self._keep(key, _encode(found.generation, page), seconds)
        return page

    async def forget(self) -> None:
        self._changes += 1
        await self._renew()

    async def _look(self, key: str) -> CachedPage:
        if self._told < self._changes:
            return CachedPage(await self._renew())
        try:
            generation, kept = await self._client.run(
                "MGET", lambda r: r.mget(GENERATION, PREFIX + key)
            )
        except RedisAway:
            return CachedPage()
        if generation is None:
            return CachedPage(await self._renew())
        word = generation.decode(errors="replace")
        return CachedPage(word, _decode(word, kept))

    async def _keep(self, key: str, entry: str, seconds: int) -> None:
        async def keep(redis: Redis) -> object:
            return await redis.set(PREFIX + key, entry, ex=seconds)

        await self._tell(keep)

    async def _renew(self) -> str | None:
        # Never one that was there before: Redis may have lost what was written last.
        generation, changes = token_hex(8), self._changes

        async def renew(redis: Redis) -> object:
            return await redis.set(GENERATION, generation)

        if not await self._tell(renew):
            return None
        self._told = max(self._told, changes)
        return generation

    async def _tell(self, command: Callable[[Redis], Awaitable[object]]) -> bool:
        try:
            await self._client.run("SET", command)
        except RedisAway:
            return False
        return True


def _encode(generation: str, page: Page[Celebration]) -> str:
    return json.dumps(
        {
            "generation": generation,
            "rows": [_row(celebration) for celebration in page.rows],
            "after": page.after,
        }
    )


def _row(celebration: Celebration) -> dict[str, object]:
    owner = celebration.user_id
    return {
        "id": str(celebration.id),
        "name": celebration.name,
        "user_id": None if owner is None else str(owner),
        "born": celebration.born.isoformat(),
        "day": celebration.day.isoformat(),
        "days": celebration.days,
    }


def _decode(generation: str, kept: bytes | None) -> Page[Celebration] | None:
    """The page, if it is of this generation and of a shape that this version knows."""
    try:
        entry: dict[str, Any] = json.loads(kept or b"{}")
        if entry.get("generation") != generation:
            return None
        after = entry["after"]
        rows = [_celebration(row) for row in entry["rows"]]
        return Page(rows, None if after is None else tuple(after))
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _celebration(row: dict[str, Any]) -> Celebration:
    return Celebration(
        id=UUID(row["id"]),
        name=row["name"],
        user_id=None if row["user_id"] is None else UserId(UUID(row["user_id"])),
        born=date.fromisoformat(row["born"]),
        day=date.fromisoformat(row["day"]),
        days=row["days"],
    )
