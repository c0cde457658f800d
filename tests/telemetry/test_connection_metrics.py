"""The metrics of client connections."""

from jubilee.adapters.telemetry.connections import ConnectionTelemetry
from jubilee.adapters.telemetry.instruments import Instruments
from jubilee.observation.requests import EndReason


def test_open_and_ended_connections_are_counted_from_zero(instruments: Instruments) -> None:
    telemetry, sample = ConnectionTelemetry(instruments), instruments.registry.get_sample_value
    ended = [("http_connections_ended_total", {"reason": reason.value}) for reason in EndReason]
    assert [sample(name, labels) for name, labels in ended] == [0, 0, 0, 0]
    telemetry.connections_open(7)
    telemetry.connection_ended(EndReason.LIMIT)
    assert [sample(name, labels) for name, labels in ended] == [1, 0, 0, 0]
    assert sample("http_connections") == 7
