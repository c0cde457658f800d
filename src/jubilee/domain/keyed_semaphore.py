"""A semaphore for each key, such as an account or an address."""

import asyncio
from collections import deque
from typing import TypeAlias

from jubilee.domain.errors import Unavailable

Waiters: TypeAlias = "deque[asyncio.Future[None]]"


class KeyedSemaphore:
    """At most `limit` holders of one key at a time; its further requests wait for each other.

    So the requests of one key never fill a queue that others wait in.
    """

    def __init__(self, limit: int, *, max_waiting: int) -> None:
        self._limit = limit
        self._max_waiting = max_waiting
        self._held: dict[str, int] = {}
        self._waiters: dict[str, Waiters] = {}

    async def acquire(self, key: str) -> None:
        """Wait for one of the key's holders, first come first served; call `release` afterwards.

        Raises Unavailable if `max_waiting` requests of the key are waiting.
        """
        held = self._held.get(key, 0)
        if held < self._limit:
            self._held[key] = held + 1
            return
        waiters = self._waiters.setdefault(key, deque())
        if len(waiters) >= self._max_waiting:
            raise Unavailable(reason="too many waiting requests of one client")
        await self._wait(key, waiters)

    def release(self, key: str) -> None:
        """Let the longest waiting request of the key continue, if there is one."""
        waiters = self._waiters.get(key)
        while waiters:
            waiter = waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
        self._waiters.pop(key, None)
        held = self._held.pop(key) - 1
        if held:
            self._held[key] = held

    async def _wait(self, key: str, waiters: Waiters) -> None:
        waiter = asyncio.get_running_loop().create_future()
        waiters.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if not waiter.cancelled():  # it was let through in the meantime
                self.release(key)
            elif waiter in waiters:
                waiters.remove(waiter)
            raise
