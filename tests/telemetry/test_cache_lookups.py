"""Lookups in a cache are counted by what they found."""

from jubilee.adapters.telemetry.instruments import Instruments
from jubilee.adapters.telemetry.stores import RedisTelemetry
from jubilee.adapters.telemetry.tracing import Tracing


def test_lookups_are_counted_by_cache_and_outcome(
    instruments: Instruments, tracing: Tracing
) -> None:
    telemetry = RedisTelemetry(instruments, tracing, {})
    for outcome in ("hit", "miss", "hit"):
        telemetry.lookup("today", outcome)
    value, name = instruments.registry.get_sample_value, "cache_requests_total"
    assert value(name, {"cache": "today", "outcome": "hit"}) == 2
    assert value(name, {"cache": "today", "outcome": "miss"}) == 1
