"""Requests, errors and latency of a version over a while, from counters that only grow."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf
from typing import Literal, NamedTuple

UNCOUNTED = re.compile(r"/health.*|/metrics")
"""Endpoints of probes and scrapes, which rules/recording.yml keeps out of the objectives, too."""

UNTIMED = "/tasks/{task_id}"
"""Slow on purpose, with ?wait=60."""

LINE = re.compile(r"^(?P<name>\w+)\{(?P<labels>.*)\} (?P<value>\S+)", re.MULTILINE)
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
QUANTILE = 0.95


class Series(NamedTuple):
    """One counter of one source; `le` is the upper bound in seconds of a latency bucket."""

    of: Literal["requests", "errors", "latency"]
    source: str
    le: float = inf


Reading = Mapping[Series, float]


@dataclass(frozen=True, slots=True)
class Figures:
    """Requests, errors among them, and how many requests took at most so many seconds."""

    requests: int
    errors: int
    latency: tuple[tuple[float, float], ...]

    @property
    def error_ratio(self) -> float:
        """Errors per request, 0 without requests."""
        return self.errors / self.requests if self.requests else 0.0

    @property
    def p95_s(self) -> float:
        """The 95th percentile, interpolated within its bucket as histogram_quantile does."""
        rank = QUANTILE * (self.latency[-1][1] if self.latency else 0.0)
        lower, below = 0.0, 0.0
        for le, count in self.latency:
            if count >= rank and count > below:
                within = 0.0 if le == inf else (le - lower) * (rank - below) / (count - below)
                return lower + within
            lower, below = le, count
        return 0.0

    def __str__(self) -> str:
        """One line for the log of a release."""
        latency = f"p95 {self.p95_s * 1000:.0f} ms"
        return f"{self.requests} requests, {self.error_ratio:.2%} errors, {latency}"


def increase(before: Reading, after: Reading) -> Figures:
    """Compute what was added between two readings; a counter that fell was restarted from 0."""
    added: Counter[tuple[str, float]] = Counter()
    for series, value in after.items():
        earlier = before.get(series, 0.0)
        added[series.of, series.le] += int(value - earlier if value >= earlier else value)
    latency = sorted((le, float(count)) for (of, le), count in added.items() if of == "latency")
    return Figures(added["requests", inf], added["errors", inf], tuple(latency))


def latency_of(source: str, text: str) -> dict[Series, float]:
    """Read the latency buckets out of an API's metrics, in Prometheus' text format."""
    found: Counter[Series] = Counter()
    for labels, value in _samples(text, "http_request_duration_seconds_bucket"):
        endpoint = labels["endpoint"]
        if not UNCOUNTED.fullmatch(endpoint) and endpoint != UNTIMED:
            found[Series("latency", source, float(labels["le"]))] += int(value)
    return {series: float(count) for series, count in found.items()}


def _samples(text: str, name: str) -> Iterator[tuple[dict[str, str], float]]:
    for line in LINE.finditer(text):
        if line["name"] == name:
            yield dict(LABEL.findall(line["labels"])), float(line["value"])
