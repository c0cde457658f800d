"""Counters and histograms that the event loop alone writes: no lock, a bisection, two additions.

A request is counted in five places; by prometheus_client's own children, which any thread may
write, that costs more than reading a row. Its registry, exposition and data model are used.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from math import inf

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString


class Counter:
    """A number that only grows."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0

    def inc(self, by: int = 1) -> None:
        """By how many."""
        self.value += by


class Histogram:
    """How often values fell between the bounds, and what they add up to."""

    __slots__ = ("_bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """A bound itself counts as below it."""
        self.counts[bisect_left(self._bounds, value)] += 1
        self.total += value


class CounterFamily(Collector):
    """A family of counters, one for each set of labels that was asked for."""

    def __init__(
        self, registry: CollectorRegistry, name: str, text: str, labels: Sequence[str]
    ) -> None:
        """`name` is without `_total`."""
        self._about = (name, text, labels)
        self._children: dict[tuple[str, ...], Counter] = {}
        if not labels:
            self.labels()
        registry.register(self)

    def labels(self, *values: str) -> Counter:
        """The same one for the same labels."""
        found = self._children.get(values)
        if found is None:
            found = self._children[values] = Counter()
        return found

    def collect(self) -> Iterator[Metric]:
        """For the registry."""
        name, text, labels = self._about
        family = CounterMetricFamily(name, text, labels=labels)
        for values, child in list(self._children.items()):
            family.add_metric(values, child.value)
        yield family


class HistogramFamily(Collector):
    """A family of histograms, one for each set of labels that was asked for."""

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
        self._children: dict[tuple[str, ...], Histogram] = {}
        if not labels:
            self.labels()
        registry.register(self)

    def labels(self, *values: str) -> Histogram:
        """The same one for the same labels."""
        found = self._children.get(values)
        if found is None:
            found = self._children[values] = Histogram(self._bounds)
        return found

    def collect(self) -> Iterator[Metric]:
        """For the registry."""
        name, text, labels = self._about
        family = HistogramMetricFamily(name, text, labels=labels)
        for values, child in list(self._children.items()):
            family.add_metric(values, self._buckets(child.counts), child.total)
        yield family

    def _buckets(self, counts: Iterable[int]) -> list[tuple[str, float]]:
        return list(zip(self._names, accumulate(counts), strict=True))


def _label(bound: float) -> str:
    """As in Go, whose readers of `le` compare texts."""
    return str(floatToGoString(bound))  # type: ignore[no-untyped-call]  # the library leaves it untyped
