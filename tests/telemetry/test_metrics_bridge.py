"""The metrics as they arrive over OTLP: the same numbers by the same names."""

from collections.abc import Iterator
from itertools import accumulate
from math import inf
from random import Random
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.resources import Resource
from prometheus_client.metrics_core import Metric as Family

from jubilee.adapters.telemetry.counters import CounterFamily, HistogramFamily
from jubilee.adapters.telemetry.instruments import (
    REQUEST_LABELS,
    Instruments,
    RouteHistogramFamily,
    StatusClassHistogramFamily,
)
from jubilee.adapters.telemetry.otlp_metrics import MetricsBridge
from jubilee.adapters.telemetry.semantic_conventions import CONVENTIONS
from tests.support.receiver import Receiver, receiver

CUMULATIVE = 2  # of AggregationTemporality


@pytest.fixture
def filled(instruments: Instruments) -> Instruments:
    """Every family has something to say, with two sets of labels where it has labels."""
    chance = Random(4)
    collectors = dict.fromkeys(instruments.registry._collector_to_names)
    for collector in collectors:
        for child in _children(collector):
            if hasattr(child, "observe"):
                for _ in range(50):
                    child.observe(chance.expovariate(1) ** 4)
            else:
                child.inc(chance.randrange(1, 1000))
    return instruments


def _children(collector: Any) -> Iterator[Any]:
    """What of ours is written; the interpreter's own collectors fill themselves."""
    if isinstance(collector, CounterFamily | HistogramFamily):
        names: Any = collector._about[2]
        if collector.__class__ in {StatusClassHistogramFamily, RouteHistogramFamily}:
            names = REQUEST_LABELS
    elif hasattr(collector, "_labelnames"):
        names = collector._labelnames
    else:
        return
    for word in ("2", "4") if names else ("",):
        yield collector.labels(*[word] * len(names)) if names else _alone(collector)


def _alone(collector: Any) -> Any:
    return (
        collector.labels() if isinstance(collector, CounterFamily | HistogramFamily) else collector
    )


@pytest.fixture
def arrived(filled: Instruments) -> Iterator[tuple[dict[str, Family], Receiver]]:
    """The families as Prometheus would read them, and what a collector has got."""
    with receiver() as seen:
        bridge = MetricsBridge(filled, Resource.create({"service.name": "test"}))
        exporter = OTLPMetricExporter(endpoint=f"{seen.url}/v1/metrics")
        families = {family.name: family for family in filled.registry.collect()}
        assert exporter.export(bridge.snapshot()).name == "SUCCESS"
        exporter.shutdown()
        yield families, seen


Arrived = tuple[dict[str, Family], Receiver]


def ours(families: dict[str, Family], kind: str) -> list[Family]:
    """Those that stand still between two looks."""
    moving = ("process_", "python_")
    found = [f for f in families.values() if f.type == kind and not f.name.startswith(moving)]
    assert found
    return found


def labels(attributes: Any) -> frozenset[tuple[str, str]]:
    return frozenset((pair.key, pair.value.string_value) for pair in attributes)


def values(family: Family, name: str) -> dict[frozenset[tuple[str, str]], float]:
    """By its labels, as Prometheus reads it."""
    return {frozenset(s.labels.items()): s.value for s in family.samples if s.name == name}


def buckets(family: Family, of: frozenset[tuple[str, str]]) -> dict[float, float]:
    """What Prometheus reads up to each bound."""
    found = {}
    for sample in family.samples:
        rest = dict(sample.labels)
        bound = rest.pop("le", None)
        if bound is not None and frozenset(rest.items()) == of:
            found[float(bound)] = sample.value
    return found


def test_every_family_arrives_by_the_name_that_prometheus_shows(arrived: Arrived) -> None:
    families, seen = arrived
    names = {f.name + ("_total" if f.type == "counter" else "") for f in families.values()}
    conventional = {convention.name for convention in CONVENTIONS.values()}
    assert set(seen.metrics) == names | conventional
    assert {"http_requests_total", "process_cpu_seconds_total", "event_loop_lag_seconds"} <= names
    for family in families.values():
        name = family.name + ("_total" if family.type == "counter" else "")
        assert seen.metrics[name].description == family.documentation


def test_counters_arrive_as_sums_that_only_grow(arrived: Arrived) -> None:
    families, seen = arrived
    for family in ours(families, "counter"):
        metric = seen.metrics[f"{family.name}_total"]
        assert metric.sum.is_monotonic
        assert metric.sum.aggregation_temporality == CUMULATIVE
        found = {labels(p.attributes): p.as_double or p.as_int for p in metric.sum.data_points}
        assert found == values(family, metric.name)
        assert all(value > 0 for value in found.values())


def test_gauges_arrive_as_they_stand(arrived: Arrived) -> None:
    families, seen = arrived
    for family in ours(families, "gauge"):
        points = seen.metrics[family.name].gauge.data_points
        found = {labels(p.attributes): p.as_double or p.as_int for p in points}
        assert found == values(family, family.name)


def test_histograms_arrive_with_the_same_buckets(arrived: Arrived) -> None:
    families, seen = arrived
    for family in ours(families, "histogram"):
        points = seen.metrics[family.name].histogram.data_points
        counts = values(family, f"{family.name}_count")
        sums = values(family, f"{family.name}_sum")
        assert {labels(p.attributes): p.count for p in points} == counts
        assert {labels(p.attributes): p.sum for p in points} == pytest.approx(sums)
        for point in points:
            assert sum(point.bucket_counts) == point.count == 50
            upto = zip([*point.explicit_bounds, inf], accumulate(point.bucket_counts), strict=True)
            assert dict(upto) == buckets(family, labels(point.attributes))


def test_units_are_said_where_the_name_says_them(arrived: Arrived) -> None:
    _, seen = arrived
    assert seen.metrics["http_request_duration_seconds"].unit == "s"
    assert seen.metrics["http_request_size_bytes"].unit == "By"
    assert seen.metrics["jobs_running"].unit == ""


def test_a_point_begins_with_the_process_and_ends_now(arrived: Arrived) -> None:
    _, seen = arrived
    (point,) = seen.metrics["event_loop_lag_seconds"].histogram.data_points
    assert 0 < point.start_time_unix_nano < point.time_unix_nano
    assert not point.HasField("min")


def attributes(point: Any) -> dict[str, Any]:
    """The attributes of a data point, each by the type that it was sent with."""
    return {
        pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in point.attributes
    }


def sent_by(instruments: Instruments) -> Receiver:
    """What a collector gets of these metrics."""
    with receiver() as seen:
        bridge = MetricsBridge(instruments, Resource.create({}))
        exporter = OTLPMetricExporter(endpoint=f"{seen.url}/v1/metrics")
        assert exporter.export(bridge.snapshot()).name == "SUCCESS"
        exporter.shutdown()
        return seen


def test_request_durations_carry_the_names_of_the_semantic_conventions(
    instruments: Instruments,
) -> None:
    instruments.request_seconds.labels("GET", "/hello/{username}", "200").observe(0.02)
    instruments.request_seconds.labels("GET", "/hello/{username}", "204").observe(0.02)
    instruments.request_seconds.labels("OTHER", "unmatched", "503").observe(0.02)
    seen = sent_by(instruments)
    metric = seen.metrics["http.server.request.duration"]
    found = [attributes(point) for point in metric.histogram.data_points]
    read = {"http.request.method": "GET", "url.scheme": "http", "http.route": "/hello/{username}"}
    failed = {"http.request.method": "_OTHER", "url.scheme": "http", "error.type": "503"}
    assert metric.unit == "s"
    assert found == [
        read | {"http.response.status_code": 200},
        read | {"http.response.status_code": 204},
        failed | {"http.response.status_code": 503},
    ]
    shown = seen.metrics["http_request_duration_seconds"].histogram.data_points
    assert [(attributes(point)["status_class"], point.count) for point in shown] == [
        ("2xx", 2),
        ("5xx", 1),
    ]


def test_calls_to_both_stores_are_one_metric_by_convention(instruments: Instruments) -> None:
    instruments.statement_seconds.labels("SELECT").observe(0.001)
    instruments.redis_seconds.observe(0.001)
    metric = sent_by(instruments).metrics["db.client.operation.duration"]
    assert metric.unit == "s"
    assert [attributes(point) for point in metric.histogram.data_points] == [
        {"db.system.name": "postgresql", "db.operation.name": "SELECT"},
        {"db.system.name": "redis"},
    ]


def test_gauges_that_add_up_are_sums_by_convention(instruments: Instruments) -> None:
    instruments.pool_connections.labels("idle").set(3)
    metric = sent_by(instruments).metrics["db.client.connection.count"]
    (point,) = metric.sum.data_points
    assert (metric.unit, metric.sum.is_monotonic, point.as_double) == ("{connection}", False, 3)
    assert attributes(point) == {
        "db.client.connection.pool.name": "postgresql",
        "db.client.connection.state": "idle",
    }


def test_each_convention_translates_a_metric_of_ours(instruments: Instruments) -> None:
    assert set(CONVENTIONS) <= {family.name for family in instruments.registry.collect()}
