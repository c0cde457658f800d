"""The metrics over OTLP: recorded once, translated when they are exported.

Each is sent by the name that Prometheus shows, and once more by OpenTelemetry's where its semantic
conventions have one.
"""

from collections.abc import Iterable, Iterator, Sequence
from time import time_ns
from typing import Any

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
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.samples import Sample

from jubilee.adapters.telemetry.instruments import Instruments
from jubilee.adapters.telemetry.semantic_conventions import (
    Convention,
    PointAttributes,
    Translate,
    conventional,
)

CUMULATIVE = AggregationTemporality.CUMULATIVE
SCOPE = InstrumentationScope("jubilee")
UNITS = {"seconds": "s", "bytes": "By"}
NOT_RECORDED: Any = None
"""Least and greatest value of a histogram: typed as floats, but optional in the protocol."""


class MetricsBridge:
    """Reads the metrics of a process as OpenTelemetry's data model has them."""

    def __init__(self, instruments: Instruments, resource: Resource) -> None:
        self._instruments = instruments
        self._resource = resource
        self._began = time_ns()

    def snapshot(self) -> MetricsData:
        """All metrics with their present values."""
        now = time_ns()
        metrics = [self._metric(family, now) for family in self._instruments.registry.collect()]
        metrics += _merged(
            self._conventional(convention, family, now)
            for convention, family in conventional(self._instruments)
        )
        scope = ScopeMetrics(SCOPE, metrics, "")
        return MetricsData([ResourceMetrics(self._resource, [scope], "")])

    def _metric(self, family: Family, now: int) -> Metric:
        unit = UNITS.get(family.name.rpartition("_")[2])
        name = family.name + "_total" if family.type == "counter" else family.name
        data = self._data(family, now, dict, is_sum=False)
        return Metric(name, family.documentation, unit, data)

    def _conventional(self, convention: Convention, family: Family, now: int) -> Metric:
        data = self._data(family, now, convention.translate, is_sum=convention.is_sum)
        return Metric(convention.name, family.documentation, convention.unit, data)

    def _data(
        self, family: Family, now: int, translate: Translate, *, is_sum: bool
    ) -> Histogram | Sum | Gauge:
        if family.type == "histogram":
            return Histogram(self._histogram_points(family, now, translate), CUMULATIVE)
        is_counter = family.type == "counter"
        name = family.name + "_total" if is_counter else family.name
        points = [
            NumberDataPoint(translate(sample.labels), self._began, now, sample.value)
            for sample in family.samples
            if sample.name == name
        ]
        if is_counter or is_sum:
            return Sum(points, CUMULATIVE, is_monotonic=is_counter)
        return Gauge(points)

    def _histogram_points(
        self, family: Family, now: int, translate: Translate
    ) -> list[HistogramDataPoint]:
        groups: dict[tuple[tuple[str, str], ...], list[Sample]] = {}
        for sample in family.samples:
            labels = {name: value for name, value in sample.labels.items() if name != "le"}
            groups.setdefault(tuple(sorted(labels.items())), []).append(sample)
        return [
            self._point(translate(dict(labels)), group, now) for labels, group in groups.items()
        ]

    def _point(
        self, attributes: PointAttributes, samples: Sequence[Sample], now: int
    ) -> HistogramDataPoint:
        buckets = [(float(s.labels["le"]), int(s.value)) for s in samples if "le" in s.labels]
        total = next((s.value for s in samples if s.name.endswith("_sum")), 0.0)
        return HistogramDataPoint(
            attributes=attributes,
            start_time_unix_nano=self._began,
            time_unix_nano=now,
            count=buckets[-1][1],
            sum=total,
            bucket_counts=list(_differences(count for _, count in buckets)),
            explicit_bounds=[bound for bound, _ in buckets[:-1]],
            min=NOT_RECORDED,
            max=NOT_RECORDED,
        )


def _merged(metrics: Iterable[Metric]) -> list[Metric]:
    """Join histograms of the same name, such as the durations of SQL and Redis, into one metric."""
    found: dict[str, Metric] = {}
    for metric in metrics:
        first = found.setdefault(metric.name, metric)
        mine, its = first.data, metric.data
        if first is not metric and isinstance(mine, Histogram) and isinstance(its, Histogram):
            both = Histogram([*mine.data_points, *its.data_points], CUMULATIVE)
            found[metric.name] = Metric(metric.name, "Duration of calls.", metric.unit, both)
    return list(found.values())


def _differences(cumulative: Iterable[int]) -> Iterator[int]:
    before = 0
    for count in cumulative:
        yield count - before
        before = count
