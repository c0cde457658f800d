"""Counters of requests in Redis, one for each client and window."""

from hashlib import blake2b

from redis.asyncio import Redis

from jubilee.adapters.redis.client import RedisAway, RedisClient
from jubilee.domain.errors import Unavailable
from jubilee.domain.rate_limits.quotas import QuotaStore

PREFIX = "jubilee:quotas:"
HASH_BYTES = 16


class RedisQuotaStore(QuotaStore):
    """Adds in one round trip; names are keyed hashes, as they contain addresses."""

    def __init__(self, client: RedisClient, secret: bytes) -> None:
        """`secret` is the key of the hashes."""
        self._client = client
        self._secret = secret

    async def take(self, name: str, requests: int, *, seconds: int) -> int:
        key = PREFIX + blake2b(name.encode(), key=self._secret, digest_size=HASH_BYTES).hexdigest()

        async def add(redis: Redis) -> int:
            async with redis.pipeline(transaction=False) as pipe:
                pipe.incrby(key, requests)
                pipe.expire(key, seconds)
                total, _ = await pipe.execute()
            return int(total)

        try:
            return await self._client.run("INCRBY", add)
        except RedisAway as error:
            raise Unavailable(reason="Redis does not answer") from error
