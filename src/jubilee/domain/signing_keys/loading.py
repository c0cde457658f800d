"""Loading of the stored keys: at intervals, and where a token has a key that is not known."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from jubilee.domain.errors import Unavailable

LOAD_INTERVAL_S = 15.0  # within which all instances use what one of them has changed
MIN_INTERVAL_S = 5.0  # between two loads for unknown keys, which clients may invent
FIRST_LOAD_S = 3.0
RETRY_S = 1.0


class KeyLoader:
    """Loads the keys of this process."""

    def __init__(self, load: Callable[[], Awaitable[None]], elapsed: Callable[[], float]) -> None:
        """`elapsed` returns seconds that never go back."""
        self._load = load
        self._elapsed = elapsed
        self._tried_at: float | None = None
        self._pause_s = RETRY_S
        self._lock = asyncio.Lock()

    async def look_up(self) -> None:
        """Load the keys, unless that was tried a moment ago; raises Unavailable."""
        async with self._lock:
            now = self._elapsed()
            if self._tried_at is None or now - self._tried_at >= MIN_INTERVAL_S:
                self._tried_at = now
                await self._load()

    async def first(self) -> None:
        """Load the keys at the start; without PostgreSQL the service starts all the same."""
        with suppress(Unavailable, TimeoutError):
            async with asyncio.timeout(FIRST_LOAD_S):
                await self._load()
            self._pause_s = LOAD_INTERVAL_S

    async def run(self, failed: Callable[[Exception], None]) -> None:
        """Load the keys at intervals until cancelled; `failed` is told of unexpected errors."""
        while True:
            await asyncio.sleep(self._pause_s)
            self._pause_s = LOAD_INTERVAL_S
            try:
                await self._load()
            except Unavailable:
                self._pause_s = RETRY_S
            except Exception as error:
                failed(error)
