"""Counters and histograms without locks: only the event loop's thread may write them.

A request updates five of them; the thread-safe ones of prometheus_client would cost more than
reading a row. Its registry, exposition and data model are used.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from math import inf
from typing import TypeAlias

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

LabelValues: TypeAlias = tuple[str, ...]


class Counter:
    """A number that only grows."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0

    def inc(self, by: int = 1) -> None:
        """Add `by`."""
        self.value += by


class Histogram:
    """The number of values in each bucket, and the sum of all."""

    __slots__ = ("_bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Add a value; one equal to a bound counts as below it."""
        self.counts[bisect_left(self._bounds, value)] += 1
        self.total += value

    def add(self, other: "Histogram") -> None:
        """Add all values of a histogram with the same bounds."""
        self.counts = [mine + its for mine, its in zip(self.counts, other.counts, strict=True)]
        self.total += other.total


class CounterFamily(Collector):
    """A metric with one counter for each combination of label values in use."""

    def __init__(
        self, registry: CollectorRegistry, name: str, text: str, labels: Sequence[str]
    ) -> None:
        """`name` has no `_total`, which the exposition appends."""
        self._about = (name, text, labels)
        self._children: dict[LabelValues, Counter] = {}
        if not labels:
            self.labels()
        registry.register(self)

    def labels(self, *values: str) -> Counter:
        """Return the counter of these label values, the same one each time."""
        found = self._children.get(values)
        if found is None:
            found = self._children[values] = Counter()
        return found

    def collect(self) -> Iterator[Metric]:
        """Called by the registry."""
        name, text, labels = self._about
        family = CounterMetricFamily(name, text, labels=labels)
        for values, child in list(self._children.items()):
            family.add_metric(values, child.value)
        yield family


class HistogramFamily(Collector):
    """A metric with one histogram for each combination of label values in use.

    A subclass may record by more labels than Prometheus shows: series that `exposed` maps to the
    same label values are added up in the exposition, and `recorded` has them one by one.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        name: str,
        text: str,
        *,
        labels: Sequence[str],
        bounds: Sequence[float],
    ) -> None:
        self._about = (name, text, labels)
        self._bounds = bounds
        self._names = [_label(bound) for bound in (*bounds, inf)]
        self._children: dict[LabelValues, Histogram] = {}
        if not labels:
            self.labels()
        registry.register(self)

    def labels(self, *values: str) -> Histogram:
        """Return the histogram of these label values, the same one each time."""
        found = self._children.get(values)
        if found is None:
            found = self._children[values] = Histogram(self._bounds)
        return found

    def collect(self) -> Iterator[Metric]:
        """Called by the registry."""
        yield self._family(self._about[2], self._exposed_children())

    def recorded(self, labels: Sequence[str]) -> Metric:
        """All series by the label values they were recorded with, which `labels` names."""
        return self._family(labels, list(self._children.items()))

    def _family(
        self, labels: Sequence[str], children: Iterable[tuple[LabelValues, Histogram]]
    ) -> Metric:
        name, text, _ = self._about
        family = HistogramMetricFamily(name, text, labels=labels)
        for values, child in children:
            family.add_metric(values, self._buckets(child.counts), child.total)
        return family

    def exposed(self, values: LabelValues) -> LabelValues:
        """Map recorded label values to those of the exposition."""
        return values

    def _exposed_children(self) -> Iterable[tuple[LabelValues, Histogram]]:
        merged: dict[LabelValues, Histogram] = {}
        for values, child in list(self._children.items()):
            total = merged.setdefault(self.exposed(values), Histogram(self._bounds))
            total.add(child)
        return merged.items()

    def _buckets(self, counts: Iterable[int]) -> list[tuple[str, float]]:
        return list(zip(self._names, accumulate(counts), strict=True))


def _label(bound: float) -> str:
    """Write a bound as Go does: scrapers compare the label `le` as text."""
    return str(floatToGoString(bound))
