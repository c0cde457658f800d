"""A Redis client for requests: commands have a timeout, no retries, and a pause after a failure."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic, perf_counter
from typing import TypeVar

from redis.asyncio import Redis
from redis.exceptions import RedisError

from jubilee.adapters.redis.connections import request_pool
from jubilee.adapters.redis.failures import redis_failure
from jubilee.observation.storage import CommandObserver

T = TypeVar("T")

MAX_CONNECTIONS = 20
BACKOFF_S = 3.0  # for which commands are refused after a failure
FAILURES = (RedisError, OSError, TimeoutError)


class RedisAway(Exception):
    """Redis did not answer in time, or is not asked because it has just failed."""


class RedisClient:
    """Runs commands for at most `timeout` seconds, including the wait for a connection."""

    def __init__(
        self,
        url: str,
        *,
        timeout: float,
        size: int = MAX_CONNECTIONS,
        observe: CommandObserver | None = None,
        on_failure: Callable[[str], None] | None = None,
    ) -> None:
        """Connect at the first command; `observe` is called after each one.

        `on_failure` is called with the cause of each failure.
        """
        self._redis: Redis = Redis.from_pool(request_pool(url, size=size, timeout=timeout))
        self._timeout = timeout
        self._refusing_until = 0.0
        self._observe = observe
        self._on_failure = on_failure

    async def run(self, name: str, command: Callable[[Redis], Awaitable[T]]) -> T:
        """Run the command that Redis calls `name`; returns its reply. Raises RedisAway."""
        if monotonic() < self._refusing_until:
            raise RedisAway
        return await self._try(name, command)

    async def ping(self) -> bool:
        """Whether Redis answers; asks even during the pause, and ends it on success."""
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
            async with asyncio.timeout(self._timeout):
                answer = await command(self._redis)
        except FAILURES as error:
            failure = error
            self._refusing_until = monotonic() + BACKOFF_S
            if self._on_failure is not None:
                self._on_failure(redis_failure(error))
            raise RedisAway from error
        finally:
            if self._observe is not None:
                self._observe(name, perf_counter() - began, failure=failure)
        self._refusing_until = 0.0
        return answer
