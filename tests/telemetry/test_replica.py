"""Metrics of the replica."""

import math

import pytest

from jubilee.adapters.telemetry.instruments import Instruments
from jubilee.adapters.telemetry.replica import ReplicaTelemetry
from jubilee.observation.storage import ReplicaState


def value(instruments: Instruments, name: str, **labels: str) -> float | None:
    return instruments.registry.get_sample_value(name, labels)


@pytest.mark.parametrize("state", ReplicaState)
def test_the_state_and_the_lag_of_the_last_check_are_exposed(
    instruments: Instruments, state: ReplicaState
) -> None:
    telemetry = ReplicaTelemetry(instruments)
    for checked in (*ReplicaState, state):
        telemetry.checked(checked, 1.5)
    shown = {s: value(instruments, "db_replica_state", state=s.value) for s in ReplicaState}
    assert shown == {each: each is state for each in ReplicaState}
    assert value(instruments, "db_replica_lag_seconds") == 1.5


def test_an_unknown_lag_is_not_a_number(instruments: Instruments) -> None:
    ReplicaTelemetry(instruments).checked(ReplicaState.UNAVAILABLE, math.inf)
    lag = value(instruments, "db_replica_lag_seconds")
    assert lag is not None
    assert math.isnan(lag)


def test_reads_that_the_replica_serves_are_counted(instruments: Instruments) -> None:
    telemetry = ReplicaTelemetry(instruments)
    telemetry.served()
    telemetry.served()
    assert value(instruments, "db_replica_reads_total") == 2
