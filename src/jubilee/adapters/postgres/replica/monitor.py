"""How far the replica has replayed the primary's log, and whether it may serve reads."""

import asyncio
import logging
import math
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from time import monotonic
from typing import TypeVar

from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.statement import Executor, Statement
from jubilee.domain.errors import Unavailable
from jubilee.observation.storage import ReplicaObserver, ReplicaState

T = TypeVar("T")
CHECK_INTERVAL_S = 0.25
CHECK_TIMEOUT_S = 0.4  # a serving replica that refuses or hangs is left out within a second
CONNECT_TIMEOUT_S = 2.0  # for one that does not serve and may be far away
MAX_SAMPLES = 4096  # at least a quarter of an hour

REPLAYED = Statement.from_sql("""
    SELECT pg_is_in_recovery() AS standby,
        CAST(pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0') AS bigint) AS position
""")
WRITTEN = Statement.from_sql("""
    SELECT standby, CASE WHEN NOT standby THEN
            CAST(pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') AS bigint)
        END AS position
    FROM pg_is_in_recovery() AS standby
""")

logger = logging.getLogger(__name__)


class ReplicaMonitor:
    """Compares positions of the log, in bytes, on both servers; needs no clock of theirs.

    The replica lags by the age of the oldest position of the primary that it has not replayed. It
    is left out where it lags by more than `max_lag` seconds, does not answer, is no standby any
    more, or is ahead of the primary, whose log is then another one.
    """

    def __init__(
        self,
        primary: ConnectionPool,
        replica: ConnectionPool,
        *,
        max_lag: float,
        observer: ReplicaObserver,
    ) -> None:
        """Nothing is served before the first check."""
        self._primary = primary
        self._replica = replica
        self._max_lag = max_lag
        self._observer = observer
        self._samples: deque[tuple[float, int]] = deque(maxlen=MAX_SAMPLES)
        self.state = ReplicaState.UNAVAILABLE
        self.replayed = 0
        """Position up to which the replica has replayed, at the last check."""

    @property
    def serves(self) -> bool:
        """Whether reads may go to the replica."""
        return self.state is ReplicaState.SERVING

    def leave_out(self) -> None:
        """A read has failed: leave the replica out until the next check."""
        self._enter(ReplicaState.UNAVAILABLE)

    async def run(self, each_time: Callable[[], Awaitable[None]]) -> None:
        """Check until cancelled, and call `each_time`."""
        while True:
            try:
                await self.check()
                await each_time()
            except Exception:
                logger.exception("checking the replica failed")
                self.leave_out()
            await asyncio.sleep(CHECK_INTERVAL_S)

    async def check(self) -> None:
        """Ask the replica, then the primary: a standby has never replayed more than was written."""
        within_s = CHECK_TIMEOUT_S if self.serves else CONNECT_TIMEOUT_S
        replica = await _position(self._replica, REPLAYED, within_s)
        if replica is None:
            return self.leave_out()
        standby, replayed = replica
        if not standby:
            return self._enter(ReplicaState.PROMOTED)
        primary = await _position(self._primary, WRITTEN, CHECK_TIMEOUT_S)
        written = None if primary is None or primary[0] else primary[1]
        if written is not None:
            self._samples.append((monotonic(), written))
        if not self._samples:
            return self.leave_out()
        self.replayed = replayed
        lag = self._lag()
        if written is not None and replayed > written:
            self._enter(ReplicaState.DIVERGED, lag)
        elif lag > self._max_lag:
            self._enter(ReplicaState.LAGGING, lag)
        else:
            self._enter(ReplicaState.SERVING, lag)
        return None

    def _lag(self) -> float:
        """Seconds since the replica had everything; infinite while that is not known."""
        while len(self._samples) > 1 and self._samples[1][1] <= self.replayed:
            self._samples.popleft()
        sampled, position = self._samples[0]
        return monotonic() - sampled if position <= self.replayed else math.inf

    def _enter(self, state: ReplicaState, lag: float = math.inf) -> None:
        self._observer.checked(state, lag)
        if state is self.state:
            return
        self.state = state
        if state is ReplicaState.SERVING:
            logger.info("replica serves reads")
        else:
            lag_s = None if math.isinf(lag) else round(lag, 1)
            logger.warning("replica is left out", extra={"state": state.value, "lag_s": lag_s})


async def _position(
    pool: ConnectionPool, statement: Statement, within_s: float
) -> tuple[bool, int] | None:
    """Whether it is a standby, and its position; None where it does not answer in time."""
    with suppress(Unavailable, TimeoutError):
        async with asyncio.timeout(within_s), pool.connection() as driver:
            row = await Executor(driver).first(statement)
            assert row is not None  # a SELECT without FROM
            return row["standby"], row["position"] or 0
    return None
