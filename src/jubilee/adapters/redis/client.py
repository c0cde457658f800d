"""Redis for requests: bounded in time, never retried, left alone for a while after a failure."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic, perf_counter
from typing import TypeVar

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from jubilee.observation.storage import CommandObserver

T = TypeVar("T")

CONNECTIONS = 20
BACKOFF_S = 3.0  # seconds for which nobody waits again after a failure
FAILURES = (RedisError, OSError, TimeoutError)


class RedisAway(Exception):
    """Redis did not answer in time, or failed just now and is left alone."""


class RedisClient:
    """Commands of at most `patience` seconds, the wait for a connection and opening it included."""

    def __init__(
        self,
        url: str,
        *,
        patience: float,
        size: int = CONNECTIONS,
        observe: CommandObserver | None = None,
    ) -> None:
        """Nothing is connected before the first command; `ran` hears of every one."""
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=size,
            timeout=patience,
            socket_timeout=patience,
            socket_connect_timeout=patience,
            retry=Retry(NoBackoff(), 0),
        )
        self._redis: Redis = Redis.from_pool(pool)
        self._patience = patience
        self._resting_until = 0.0
        self._ran = observe

    async def run(self, name: str, command: Callable[[Redis], Awaitable[T]]) -> T:
        """The command's answer; `name` is what Redis calls it. Raises RedisAway."""
        if monotonic() < self._resting_until:
            raise RedisAway
        return await self._try(name, command)

    async def ping(self) -> bool:
        """Whether it answers; asks even while it is left alone, and thereby ends that."""
        try:
            await self._try("PING", lambda redis: redis.ping())
        except RedisAway:
            return False
        return True

    async def close(self) -> None:
        """Close every connection."""
        await self._redis.aclose(close_connection_pool=True)

    async def _try(self, name: str, command: Callable[[Redis], Awaitable[T]]) -> T:
        began, failure = perf_counter(), None
        try:
            async with asyncio.timeout(self._patience):
                answer = await command(self._redis)
        except FAILURES as error:
            failure = error
            self._resting_until = monotonic() + BACKOFF_S
            raise RedisAway from error
        finally:
            if self._ran is not None:
                self._ran(name, perf_counter() - began, failure=failure)
        self._resting_until = 0.0
        return answer
