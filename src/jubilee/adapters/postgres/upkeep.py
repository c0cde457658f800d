"""Closes idle connections of a pool, and warns if the server has too few for all pools.

Connections that were not needed in the last minute are closed. If the server has hardly any left,
so that other processes may be refused, those not needed in the last period are closed as well.
"""

import asyncio
import logging
from collections import deque

from jubilee.adapters.postgres.capacity import PostgresCapacity
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.domain.errors import Unavailable

PERIOD_S = 3.0
PERIODS = 20  # of PERIOD_S: a minute
FULL_RATIO = 0.9  # of the server's connections

logger = logging.getLogger(__name__)


class PoolUpkeep:
    """Keeps one pool of an API or worker process small."""

    def __init__(self, pool: ConnectionPool, capacity: PostgresCapacity) -> None:
        self._pool = pool
        self._capacity = capacity
        self._unused: deque[int] = deque(maxlen=PERIODS)
        self._checked = 0  # steps since the sizes of all pools were compared with the server
        self._fits = True

    async def run(self, period: float = PERIOD_S) -> None:
        """Run a step every `period` seconds until cancelled; an unavailable server is ignored."""
        while True:
            try:
                await self.step()
            except Unavailable:
                pass
            except Exception:
                logger.exception("the upkeep of the pool failed")
            await asyncio.sleep(period)

    async def step(self) -> None:
        """Close the connections that the last minute, or the last period, did not need."""
        self._unused.append(self._pool.count_unused())
        unneeded = min(self._unused) if len(self._unused) == PERIODS else 0
        await self._close(unneeded)
        if self._checked == 0:
            await self._compare()
        elif self._unused[-1] > 1 and await self._is_server_full():
            await self._close(self._unused[-1])
        self._checked = (self._checked + 1) % PERIODS

    async def _close(self, count: int) -> None:
        closed = await self._pool.close_unused(count)
        self._unused = deque((max(n - closed, 0) for n in self._unused), maxlen=PERIODS)

    async def _is_server_full(self) -> bool:
        budget = await self._capacity()
        return budget.opened >= budget.usable * FULL_RATIO

    async def _compare(self) -> None:
        """Warn when the pools begin to exceed the server's connections."""
        budget = await self._capacity()
        if self._fits and not budget.fits:
            logger.warning(
                "the pools of all instances exceed max_connections: lower DATABASE_POOL_SIZE",
                extra={
                    "instances": budget.instances,
                    "pooled": budget.pooled,
                    "usable": budget.usable,
                },
            )
        self._fits = budget.fits
