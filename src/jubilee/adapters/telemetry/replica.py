"""Metrics of the replica; there are none where no replica is configured."""

import math

from prometheus_client import Gauge

from jubilee.adapters.telemetry.counters import CounterFamily
from jubilee.adapters.telemetry.instruments import Instruments
from jubilee.observation.storage import (
    NoPoolObserver,
    PoolObserver,
    ReplicaObserver,
    ReplicaState,
    StatementInfo,
)


class ReplicaTelemetry(ReplicaObserver):
    """Records state and lag at each check, and the reads that the replica served."""

    def __init__(self, instruments: Instruments) -> None:
        registry = instruments.registry
        self._lag = Gauge(
            "db_replica_lag_seconds",
            "Time since the replica had all that the primary had; NaN where it is not known.",
            registry=registry,
        )
        self._state = Gauge(
            "db_replica_state", "1 for the state of the replica.", ("state",), registry=registry
        )
        self._reads = CounterFamily(
            registry, "db_replica_reads", "Statements that the replica served.", ()
        ).labels()

    def checked(self, state: ReplicaState, lag: float) -> None:
        self._lag.set(math.nan if math.isinf(lag) else lag)
        for each in ReplicaState:
            self._state.labels(each.value).set(each is state)

    def served(self) -> None:
        self._reads.inc()


class ReplicaPoolTelemetry(NoPoolObserver):
    """Records statements like those of the primary; failures only move reads to the primary."""

    def __init__(self, database: PoolObserver) -> None:
        self._database = database

    def executed(
        self, statement: StatementInfo, seconds: float, error: BaseException | None
    ) -> None:
        self._database.executed(statement, seconds, error)
