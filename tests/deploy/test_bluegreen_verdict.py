"""What deploy/bluegreen computes from counters, and how it judges a version by it."""

from collections.abc import Iterator
from itertools import count

import pytest
from deploy.bluegreen.colours import Colour, NotReadable
from deploy.bluegreen.figures import Figures, Reading, Series, increase, latency_of
from deploy.bluegreen.release import Durations, NotReleased, Release
from deploy.bluegreen.verdict import Limits, complaint

METRICS = """
# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{endpoint="/hello/{username}",le="0.1",status_class="2xx"} 90
http_request_duration_seconds_bucket{endpoint="/hello/{username}",le="0.5",status_class="2xx"} 100
http_request_duration_seconds_bucket{endpoint="/hello/{username}",le="+Inf",status_class="2xx"} 100
http_request_duration_seconds_bucket{endpoint="/health/ready",le="+Inf",status_class="2xx"} 7
http_request_duration_seconds_bucket{endpoint="/tasks/{task_id}",le="+Inf",status_class="2xx"} 7
"""
AT_ONCE = Durations(ready_within_s=0, baseline_s=0, watch_s=0.02, poll_s=0.01, unreadable_s=0)


def figures(requests: int = 1000, errors: int = 0, p95_s: float = 0.1) -> Figures:
    """Figures whose requests all take up to this long."""
    return Figures(requests, errors, ((0.95 * p95_s, 0.0), (p95_s, float(requests))))


def test_the_95th_percentile_is_interpolated_and_leaves_out_probes_and_waits() -> None:
    seen = increase({}, latency_of("green1", METRICS))
    assert seen.latency[-1][1] == 100
    assert seen.p95_s == pytest.approx(0.3)  # half of the ten between 0.1 and 0.5


def test_a_counter_that_was_restarted_counts_from_zero() -> None:
    one, two = Series("requests", "green1"), Series("requests", "green2")
    assert increase({one: 100, two: 10}, {one: 5, two: 12}).requests == 7


@pytest.mark.parametrize(
    ("new", "previous", "reason"),
    [
        (figures(errors=9), figures(), None),
        (figures(errors=11), figures(), "1.10% of 1000 requests fail; 1.00% are allowed"),
        (figures(errors=51), figures(errors=100), "5.10% of 1000 requests fail; 5.00% are allowed"),
        (figures(errors=25), figures(errors=20), None),
        (figures(requests=60, errors=4), figures(), None),
        (figures(requests=49, errors=49), figures(), None),
        (figures(p95_s=0.19), figures(p95_s=0.1), None),
        (figures(p95_s=0.5), figures(p95_s=0.1), "p95 is 499 ms; 200 ms are allowed"),
        (figures(p95_s=1.2), figures(p95_s=1.1), "p95 is 1197 ms; 1000 ms are allowed"),
    ],
)
def test_a_version_may_be_a_little_worse_than_the_one_before(
    new: Figures, previous: Figures, reason: str | None
) -> None:
    found = complaint(new, previous, Limits())
    assert found is None if reason is None else found and found.startswith(reason), found


class Switchboard:
    """A router and its figures: `requests` more with each reading."""

    def __init__(self, requests: int) -> None:
        self.colour, self.refusals = Colour.BLUE, 0
        self._totals: Iterator[int] = count(0, requests)

    def serving(self) -> Colour:
        return self.colour

    def is_ready(self, colour: Colour) -> bool:
        return True

    def switch(self, colour: Colour) -> None:
        if colour is Colour.BLUE and self.refusals:
            self.refusals -= 1
            raise NotReadable("the proxy does not answer")
        self.colour = colour

    def read(self, colour: Colour) -> Reading:
        return {Series("requests", colour): next(self._totals)}


def release(board: Switchboard) -> Colour:
    return Release(board, board, Limits(), AT_ONCE, lambda _: None).run()


def test_a_version_with_enough_requests_is_promoted() -> None:
    board = Switchboard(100)
    assert release(board) is board.colour is Colour.GREEN


def test_a_version_with_too_few_requests_is_rolled_back() -> None:
    board = Switchboard(0)
    with pytest.raises(NotReleased, match=r"0 requests in 0\.02 s are too few to judge it"):
        release(board)
    assert board.colour is Colour.BLUE


def test_a_rollback_that_fails_is_tried_again() -> None:
    board = Switchboard(0)
    board.refusals = 3
    with pytest.raises(NotReleased, match="rolled back to blue"):
        release(board)
    assert board.colour is Colour.BLUE
