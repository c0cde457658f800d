"""Our counters and histograms are exposed exactly as prometheus_client's."""

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
    enable_created_metrics,
)
from prometheus_client.exposition import generate_latest

from jubilee.adapters.telemetry.counters import CounterFamily, HistogramFamily
from jubilee.adapters.telemetry.instruments import (
    BODY_BUCKETS_BYTES,
    CALL_BUCKETS_S,
    JOB_BUCKETS_S,
    REQUEST_BUCKETS_S,
)

NAMES = ("method", "endpoint")
ANY_LABELS = st.tuples(st.text(max_size=5), st.text(max_size=5))
ANY_BOUNDS = st.lists(
    st.floats(min_value=0, allow_infinity=False), min_size=1, max_size=9, unique=True
).map(sorted)
ANY_VALUE = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from(
    REQUEST_BUCKETS_S + BODY_BUCKETS_BYTES
)
KNOWN_BOUNDS = (CALL_BUCKETS_S, REQUEST_BUCKETS_S, JOB_BUCKETS_S, BODY_BUCKETS_BYTES)


@pytest.fixture(autouse=True, scope="module")
def no_created_series() -> Iterator[None]:
    """Disable the `_created` series, which the service's counters do not have."""
    disable_created_metrics()
    yield
    enable_created_metrics()


@given(st.lists(st.tuples(ANY_LABELS, st.integers(0, 10**9))))
def test_counters_are_exposed_as_prometheus_clients(
    growth: list[tuple[tuple[str, str], int]],
) -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    counts = CounterFamily(ours, "requests", "Some \\ text.", NAMES)
    counter = Counter("requests", "Some \\ text.", NAMES, registry=theirs)
    for labels, by in growth:
        counts.labels(*labels).inc(by)
        counter.labels(*labels).inc(by)
    assert generate_latest(ours) == generate_latest(theirs)


@given(ANY_BOUNDS, st.lists(st.tuples(ANY_LABELS, ANY_VALUE)))
def test_histograms_are_exposed_as_prometheus_clients(
    bounds: Sequence[float], received: list[tuple[tuple[str, str], float]]
) -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    family = HistogramFamily(ours, "sizes", "Some\ntext.", labels=NAMES, bounds=bounds)
    histogram = Histogram("sizes", "Some\ntext.", NAMES, registry=theirs, buckets=bounds)
    for labels, value in received:
        family.labels(*labels).observe(value)
        histogram.labels(*labels).observe(value)
    assert generate_latest(ours) == generate_latest(theirs)


@pytest.mark.parametrize("bounds", KNOWN_BOUNDS)
@given(st.lists(ANY_VALUE))
@example([*REQUEST_BUCKETS_S, *BODY_BUCKETS_BYTES])
def test_histograms_without_labels_are_exposed_as_prometheus_clients(
    bounds: Sequence[float], received: list[float]
) -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    ours_ = HistogramFamily(ours, "wait", "Seconds.", labels=(), bounds=bounds).labels()
    histogram = Histogram("wait", "Seconds.", registry=theirs, buckets=bounds)
    for value in received:
        ours_.observe(value)
        histogram.observe(value)
    assert generate_latest(ours) == generate_latest(theirs)


def test_metrics_without_labels_are_exposed_from_the_start() -> None:
    registry = CollectorRegistry()
    CounterFamily(registry, "faults", "None so far.", ())
    HistogramFamily(registry, "wait", "None.", labels=(), bounds=(1.0,))
    exposed = generate_latest(registry).decode()
    assert "faults_total 0.0\n" in exposed
    assert 'wait_bucket{le="+Inf"} 0.0\n' in exposed


def test_the_same_labels_are_the_same_child() -> None:
    counts = CounterFamily(CollectorRegistry(), "faults", "Some.", ("kind",))
    assert counts.labels("a") is counts.labels("a")
    assert counts.labels("a") is not counts.labels("b")
