"""Metrics over OTLP: the same values under the same names."""

from collections.abc import Callable, Iterator
from inspect import signature
from itertools import accumulate
from math import inf
from random import Random
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.semconv._incubating.metrics import (
    db_metrics,
    http_metrics,
    messaging_metrics,
    process_metrics,
)
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
    """Instruments with values in every family, with two sets of labels where it has labels."""
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
    """Iterate over our own children; the collectors of the interpreter fill themselves."""
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
    """The families as Prometheus reads them, and the receiver of their export."""
    with receiver() as received:
        bridge = MetricsBridge(filled, Resource.create({"service.name": "test"}))
        exporter = OTLPMetricExporter(endpoint=f"{received.url}/v1/metrics")
        families = {family.name: family for family in filled.registry.collect()}
        assert exporter.export(bridge.snapshot()).name == "SUCCESS"
        exporter.shutdown()
        yield families, received


Arrived = tuple[dict[str, Family], Receiver]


def ours(families: dict[str, Family], kind: str) -> list[Family]:
    """Return the families whose values do not change by themselves."""
    moving = ("process_", "python_")
    found = [f for f in families.values() if f.type == kind and not f.name.startswith(moving)]
    assert found
    return found


def labels(attributes: Any) -> frozenset[tuple[str, str]]:
    return frozenset((pair.key, pair.value.string_value) for pair in attributes)


def values(family: Family, name: str) -> dict[frozenset[tuple[str, str]], float]:
    """Return the values of a sample by its labels."""
    return {frozenset(s.labels.items()): s.value for s in family.samples if s.name == name}


def buckets(family: Family, of: frozenset[tuple[str, str]]) -> dict[float, float]:
    """Return the cumulative counts by upper bound."""
    found = {}
    for sample in family.samples:
        rest = dict(sample.labels)
        bound = rest.pop("le", None)
        if bound is not None and frozenset(rest.items()) == of:
            found[float(bound)] = sample.value
    return found


def test_every_family_is_exported_under_its_prometheus_name(arrived: Arrived) -> None:
    families, received = arrived
    names = {f.name + ("_total" if f.type == "counter" else "") for f in families.values()}
    conventional = {convention.name for convention in CONVENTIONS.values()}
    assert set(received.metrics) == names | conventional
    assert {"http_requests_total", "process_cpu_seconds_total", "event_loop_lag_seconds"} <= names
    for family in families.values():
        name = family.name + ("_total" if family.type == "counter" else "")
        assert received.metrics[name].description == family.documentation


def test_counters_are_exported_as_monotonic_sums(arrived: Arrived) -> None:
    families, received = arrived
    for family in ours(families, "counter"):
        metric = received.metrics[f"{family.name}_total"]
        assert metric.sum.is_monotonic
        assert metric.sum.aggregation_temporality == CUMULATIVE
        found = {labels(p.attributes): p.as_double or p.as_int for p in metric.sum.data_points}
        assert found == values(family, metric.name)
        assert all(value > 0 for value in found.values())


def test_gauges_are_exported_with_their_values(arrived: Arrived) -> None:
    families, received = arrived
    for family in ours(families, "gauge"):
        points = received.metrics[family.name].gauge.data_points
        found = {labels(p.attributes): p.as_double or p.as_int for p in points}
        assert found == values(family, family.name)


def test_histograms_are_exported_with_their_buckets(arrived: Arrived) -> None:
    families, received = arrived
    for family in ours(families, "histogram"):
        points = received.metrics[family.name].histogram.data_points
        counts = values(family, f"{family.name}_count")
        sums = values(family, f"{family.name}_sum")
        assert {labels(p.attributes): p.count for p in points} == counts
        assert {labels(p.attributes): p.sum for p in points} == pytest.approx(sums)
        for point in points:
            assert sum(point.bucket_counts) == point.count == 50
            upto = zip([*point.explicit_bounds, inf], accumulate(point.bucket_counts), strict=True)
            assert dict(upto) == buckets(family, labels(point.attributes))


def test_units_follow_from_the_names(arrived: Arrived) -> None:
    _, received = arrived
    assert received.metrics["http_request_duration_seconds"].unit == "s"
    assert received.metrics["http_request_size_bytes"].unit == "By"
    assert received.metrics["jobs_running"].unit == ""


def test_a_point_covers_the_time_since_the_start(arrived: Arrived) -> None:
    _, received = arrived
    (point,) = received.metrics["event_loop_lag_seconds"].histogram.data_points
    assert 0 < point.start_time_unix_nano < point.time_unix_nano
    assert not point.HasField("min")


def attributes(point: Any) -> dict[str, Any]:
    """The attributes of a data point, each by the type that it was sent with."""
    return {
        pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in point.attributes
    }


def export(instruments: Instruments) -> Receiver:
    """Export the metrics to a receiver and return it."""
    with receiver() as received:
        bridge = MetricsBridge(instruments, Resource.create({}))
        exporter = OTLPMetricExporter(endpoint=f"{received.url}/v1/metrics")
        assert exporter.export(bridge.snapshot()).name == "SUCCESS"
        exporter.shutdown()
        return received


def test_request_durations_follow_the_semantic_conventions(
    instruments: Instruments,
) -> None:
    instruments.request_seconds.labels("GET", "/hello/{username}", "200").observe(0.02)
    instruments.request_seconds.labels("GET", "/hello/{username}", "204").observe(0.02)
    instruments.request_seconds.labels("OTHER", "unmatched", "503").observe(0.02)
    received = export(instruments)
    metric = received.metrics["http.server.request.duration"]
    found = [attributes(point) for point in metric.histogram.data_points]
    read = {"http.request.method": "GET", "url.scheme": "http", "http.route": "/hello/{username}"}
    failed = {"http.request.method": "_OTHER", "url.scheme": "http", "error.type": "503"}
    assert metric.unit == "s"
    assert found == [
        read | {"http.response.status_code": 200},
        read | {"http.response.status_code": 204},
        failed | {"http.response.status_code": 503},
    ]
    classes = received.metrics["http_request_duration_seconds"].histogram.data_points
    assert [(attributes(point)["status_class"], point.count) for point in classes] == [
        ("2xx", 2),
        ("5xx", 1),
    ]


def test_calls_to_both_stores_are_one_metric_of_the_conventions(instruments: Instruments) -> None:
    instruments.statement_seconds.labels("SELECT").observe(0.001)
    instruments.redis_seconds.observe(0.001)
    metric = export(instruments).metrics["db.client.operation.duration"]
    assert metric.unit == "s"
    assert [attributes(point) for point in metric.histogram.data_points] == [
        {"db.system.name": "postgresql", "db.operation.name": "SELECT"},
        {"db.system.name": "redis"},
    ]


def test_additive_gauges_are_sums_by_the_conventions(instruments: Instruments) -> None:
    instruments.pool_connections.labels("idle").set(3)
    metric = export(instruments).metrics["db.client.connection.count"]
    (point,) = metric.sum.data_points
    assert (metric.unit, metric.sum.is_monotonic, point.as_double) == ("{connection}", False, 3)
    assert attributes(point) == {
        "db.client.connection.pool.name": "postgresql",
        "db.client.connection.state": "idle",
    }


def test_each_convention_translates_an_existing_metric(instruments: Instruments) -> None:
    assert set(CONVENTIONS) <= {family.name for family in instruments.registry.collect()}


class NamedInstruments:
    """A meter that notes the kind and the unit of each instrument."""

    def __init__(self) -> None:
        """No instrument has been created."""
        self.found: dict[str, tuple[str, str]] = {}

    def __getattr__(self, creator: str) -> Callable[..., None]:
        def note(name: str, *, unit: str, **_: object) -> None:
            self.found[name] = creator.removeprefix("create_"), unit

        return note


def test_kinds_and_units_are_those_of_the_conventions() -> None:
    meter = NamedInstruments()
    for module in (db_metrics, http_metrics, messaging_metrics, process_metrics):
        for name, create in vars(module).items():
            if name.startswith("create_") and len(signature(create).parameters) == 1:
                create(meter)
    for convention in CONVENTIONS.values():
        kind, unit = meter.found[convention.name]
        assert (kind == "up_down_counter", unit) == (convention.is_sum, convention.unit)
