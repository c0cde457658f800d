"""The lag that the monitor computes of positions, on a clock of the tests."""

import logging
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from jubilee.adapters.postgres.replica import monitor as module
from jubilee.adapters.postgres.replica.monitor import ReplicaMonitor
from jubilee.domain.errors import Unavailable
from jubilee.observation.storage import ReplicaState

SERVING, LAGGING = ReplicaState.SERVING, ReplicaState.LAGGING
MAX_LAG_S = 5.0


@dataclass(slots=True)
class Server:
    """Answers with its position as PostgreSQL does; None: it does not answer."""

    standby: bool
    position: int | None = None

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        """Its only connection."""
        if self.position is None:
            raise Unavailable
        yield self

    async def fetchrow(self, _sql: str) -> dict[str, object]:
        """Return the row of both statements."""
        return {"standby": self.standby, "position": self.position}


@dataclass(slots=True)
class Pair:
    """A primary, its replica, what the monitor found at each check, and the time."""

    primary: Any = field(default_factory=lambda: Server(standby=False))
    replica: Any = field(default_factory=lambda: Server(standby=True))
    found: list[tuple[ReplicaState, float]] = field(default_factory=list)
    now: float = 100.0

    def checked(self, state: ReplicaState, lag: float) -> None:
        """Note what the monitor found."""
        self.found.append((state, lag))

    async def check(
        self, monitor: ReplicaMonitor, written: int | None, replayed: int | None
    ) -> tuple[ReplicaState, float]:
        """Check once, a second after the check before."""
        self.now += 1.0
        self.primary.position, self.replica.position = written, replayed
        await monitor.check()
        return self.found[-1]


@pytest.fixture
def pair(monkeypatch: pytest.MonkeyPatch) -> Pair:
    pair = Pair()
    monkeypatch.setattr(module, "monotonic", lambda: pair.now)
    return pair


@pytest.fixture
def monitor(pair: Pair) -> ReplicaMonitor:
    observer: Any = pair
    return ReplicaMonitor(pair.primary, pair.replica, max_lag=MAX_LAG_S, observer=observer)


async def test_the_lag_is_the_time_since_the_replica_had_everything(
    pair: Pair, monitor: ReplicaMonitor
) -> None:
    assert await pair.check(monitor, 10, 10) == (SERVING, 0.0)
    assert await pair.check(monitor, 20, 20) == (SERVING, 0.0)
    assert await pair.check(monitor, 30, 20) == (SERVING, 1.0)
    assert await pair.check(monitor, 40, 29) == (SERVING, 2.0)
    assert await pair.check(monitor, 50, 30) == (SERVING, 2.0)
    assert monitor.replayed == 30


async def test_a_replica_lags_from_the_moment_that_it_lags_by_more_than_the_limit(
    pair: Pair, monitor: ReplicaMonitor, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "jubilee")
    lags = [await pair.check(monitor, 10 + second, 10) for second in range(7)]
    assert lags == [(SERVING, float(lag)) for lag in range(6)] + [(LAGGING, 6.0)]
    serves, left_out = caplog.records
    assert serves.message == "replica serves reads"
    assert (left_out.__dict__["state"], left_out.__dict__["lag_s"]) == ("lagging", 6.0)


async def test_the_lag_of_a_replica_that_never_had_everything_is_not_known(
    pair: Pair, monitor: ReplicaMonitor
) -> None:
    assert await pair.check(monitor, 20, 10) == (LAGGING, math.inf)
    assert await pair.check(monitor, 20, 20) == (SERVING, 0.0)


async def test_without_the_primary_the_lag_grows_and_before_it_answers_nothing_is_served(
    pair: Pair, monitor: ReplicaMonitor
) -> None:
    assert await pair.check(monitor, None, 10) == (ReplicaState.UNAVAILABLE, math.inf)
    assert await pair.check(monitor, 10, 10) == (SERVING, 0.0)
    assert await pair.check(monitor, None, 10) == (SERVING, 1.0)


async def test_a_replica_that_is_ahead_or_no_standby_is_left_out(
    pair: Pair, monitor: ReplicaMonitor
) -> None:
    assert await pair.check(monitor, 10, 11) == (ReplicaState.DIVERGED, 0.0)
    pair.replica.standby = False
    assert await pair.check(monitor, 10, 10) == (ReplicaState.PROMOTED, math.inf)
