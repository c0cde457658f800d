"""Wake-ups of a queue's workers, by PUBLISH; ARQ by itself only polls."""

import asyncio
import time
from contextlib import suppress

from arq.connections import ArqRedis
from redis.asyncio.client import PubSub

from jubilee.domain.clock import Monotonic

DEBOUNCE_S = 0.002  # between two polls: wake-ups within this time share one
RECONNECT_PAUSE_S = 1.0
PING_AFTER_S = 10.0  # without a wake-up: the subscription may be half-open


class Wakeups:
    """Waits for the wake-ups of one channel, and for those of this process."""

    def __init__(self, pool: ArqRedis, channel: str, monotonic: Monotonic = time.monotonic) -> None:
        self.channel = channel
        self._pool = pool
        self._monotonic = monotonic
        self._awake = asyncio.Event()

    def wake(self) -> None:
        """Wake the waiting worker of this process, or let it not wait the next time."""
        self._awake.set()

    async def wait(self, longest: float) -> None:
        """Wait for a wake-up, `longest` seconds at most; an idle worker starts to poll at once."""
        began = self._monotonic()
        with suppress(TimeoutError):
            async with asyncio.timeout(longest):
                await self._awake.wait()
            await asyncio.sleep(max(began + DEBOUNCE_S - self._monotonic(), 0))
        self._awake.clear()

    async def listen(self) -> None:
        """Subscribe, again after each outage, until cancelled."""
        while True:
            try:
                async with self._pool.pubsub() as subscription:
                    await subscription.subscribe(self.channel)
                    self.wake()
                    await self._receive(subscription)
            except Exception:  # Redis is away: polling logs that already
                await asyncio.sleep(RECONNECT_PAUSE_S)

    async def _receive(self, subscription: PubSub) -> None:
        """Wake the worker at each message; raises when the connection is dead."""
        while True:
            if await subscription.get_message(timeout=PING_AFTER_S) is None:
                await subscription.ping()
                if await subscription.get_message(timeout=PING_AFTER_S) is None:
                    raise TimeoutError
            self.wake()
