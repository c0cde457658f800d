"""Positions of callers' last writes, in Redis, for reads from a replica."""

from collections.abc import Mapping

from redis.asyncio import Redis

from jubilee.adapters.redis.client import RedisAway, RedisClient

PREFIX = "jubilee:written:"
MEMBER = "position"
MAX_UNPUBLISHED = 10_000
BATCH_SIZE = 100  # callers of one command: all of them would take longer than its timeout


class RedisWritePositions:
    """One key for each caller, which expires once no serving replica can lack the write.

    What Redis did not take is published as soon as it does; until then all reads of this process go
    to the primary. Where Redis itself loses positions, a caller may for once read a state older
    than its own write, by at most the lag that is allowed.
    """

    def __init__(self, client: RedisClient, *, seconds: int, unknown: int) -> None:
        """Keep positions for so many `seconds`; `unknown` stands for those that cannot be read."""
        self._client = client
        self._seconds = seconds
        self._unknown = unknown
        self._unpublished: dict[str, int] = {}

    async def record(self, caller: str, position: int) -> None:
        """Keep the later of the two positions."""
        latest = max(position, self._unpublished.get(caller, 0))
        if caller in self._unpublished or len(self._unpublished) < MAX_UNPUBLISHED:
            self._unpublished[caller] = latest
        await self._write({caller: latest})

    async def last(self, caller: str) -> int:
        """Return the kept position, 0 without one, or `unknown` if Redis does not answer."""
        if self._unpublished:
            return self._unknown
        try:
            found = await self._client.run("ZSCORE", lambda r: r.zscore(PREFIX + caller, MEMBER))
        except RedisAway:
            return self._unknown
        return 0 if found is None else int(found)

    async def publish(self) -> None:
        """Write what Redis has not taken yet, until it does not take a batch."""
        positions = list(self._unpublished.items())
        for first in range(0, len(positions), BATCH_SIZE):
            if not await self._write(dict(positions[first : first + BATCH_SIZE])):
                return

    async def _write(self, positions: Mapping[str, int]) -> bool:
        """Return whether Redis has taken the positions."""

        async def write(redis: Redis) -> object:
            async with redis.pipeline(transaction=False) as pipeline:
                for caller, position in positions.items():
                    # GT: of two instances that write for one caller, the later position stays.
                    pipeline.zadd(PREFIX + caller, {MEMBER: position}, gt=True)
                    pipeline.expire(PREFIX + caller, self._seconds)
                return await pipeline.execute()

        try:
            await self._client.run("ZADD", write)
        except RedisAway:
            return False
        for caller, position in positions.items():
            if self._unpublished.get(caller) == position:
                del self._unpublished[caller]
        return True
