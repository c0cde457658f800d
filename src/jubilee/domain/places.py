"""Shared places, of which one account or address can hold only some."""

import asyncio
from collections import deque
from typing import TypeAlias

from jubilee.domain.errors import Unavailable

Line: TypeAlias = "deque[asyncio.Future[None]]"


class FairPlaces:
    """At most `limit` places for one key; its further requests wait for each other.

    So the requests of one key never fill a queue that others wait in.
    """

    def __init__(self, limit: int, *, max_waiting: int) -> None:
        self._limit = limit
        self._max_waiting = max_waiting
        self._held: dict[str, int] = {}
        self._lines: dict[str, Line] = {}

    async def acquire(self, key: str) -> None:
        """Wait for a place, first come first served; call `release` afterwards.

        Raises Unavailable if `max_waiting` requests of the key are waiting.
        """
        held = self._held.get(key, 0)
        if held < self._limit:
            self._held[key] = held + 1
            return
        line = self._lines.setdefault(key, deque())
        if len(line) >= self._max_waiting:
            raise Unavailable(reason="too many waiting requests of one client")
        await self._wait(key, line)

    def release(self, key: str) -> None:
        """Give a place back: to the next in line, if there is one."""
        line = self._lines.get(key)
        while line:
            place = line.popleft()
            if not place.done():
                place.set_result(None)
                return
        self._lines.pop(key, None)
        held = self._held.pop(key) - 1
        if held:
            self._held[key] = held

    async def _wait(self, key: str, line: Line) -> None:
        place = asyncio.get_running_loop().create_future()
        line.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if not place.cancelled():  # it was given a place in the meantime
                self.release(key)
            elif place in line:
                line.remove(place)
            raise
