"""The Prometheus metrics, sent over OTLP too: recorded once, translated when they are exported."""

from collections.abc import Iterable, Sequence
from time import time_ns

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.samples import Sample

CUMULATIVE = AggregationTemporality.CUMULATIVE
SCOPE = InstrumentationScope("jubilee")
UNITS = {"seconds": "s", "bytes": "By"}


class MetricsBridge:
    """Reads a registry; the names are those that Prometheus shows."""

    def __init__(self, registry: CollectorRegistry, resource: Resource) -> None:
        self._registry = registry
        self._resource = resource
        self._began = time_ns()

    def snapshot(self) -> MetricsData:
        """Everything as it stands."""
        now = time_ns()
        metrics = [self._metric(family, now) for family in self._registry.collect()]
        scope = ScopeMetrics(SCOPE, metrics, "")
        return MetricsData([ResourceMetrics(self._resource, [scope], "")])

    def _metric(self, family: Family, now: int) -> Metric:
        unit = UNITS.get(family.name.rpartition("_")[2])
        if family.type == "histogram":
            return Metric(family.name, family.documentation, unit, self._histogram(family, now))
        is_counter = family.type == "counter"
        name = family.name + "_total" if is_counter else family.name
        points = [
            NumberDataPoint(dict(sample.labels), self._began, now, sample.value)
            for sample in family.samples
            if sample.name == name
        ]
        data = Sum(points, CUMULATIVE, is_monotonic=True) if is_counter else Gauge(points)
        return Metric(name, family.documentation, unit, data)

    def _histogram(self, family: Family, now: int) -> Histogram:
        groups: dict[tuple[tuple[str, str], ...], list[Sample]] = {}
        for sample in family.samples:
            labels = {name: value for name, value in sample.labels.items() if name != "le"}
            groups.setdefault(tuple(sorted(labels.items())), []).append(sample)
        points = [self._point(dict(labels), group, now) for labels, group in groups.items()]
        return Histogram(points, CUMULATIVE)

    def _point(
        self, labels: dict[str, str], samples: Sequence[Sample], now: int
    ) -> HistogramDataPoint:
        buckets = [(float(s.labels["le"]), int(s.value)) for s in samples if "le" in s.labels]
        total = next((s.value for s in samples if s.name.endswith("_sum")), 0.0)
        return HistogramDataPoint(
            attributes=labels,
            start_time_unix_nano=self._began,
            time_unix_nano=now,
            count=buckets[-1][1],
            sum=total,
            bucket_counts=list(_steps(count for _, count in buckets)),
            explicit_bounds=[bound for bound, _ in buckets[:-1]],
            min=None,  # type: ignore[arg-type]  # nobody knows it: so it is left out
            max=None,  # type: ignore[arg-type]  # the same
        )


def _steps(cumulative: Iterable[int]) -> Iterable[int]:
    before = 0
    for count in cumulative:
        yield count - before
        before = count
