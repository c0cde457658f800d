"""Errors and waits of jobs whose workers died."""

import pytest

from jubilee.domain.jobs.retries import MAX_BACKOFF_S, backoff, max_crashes_error


@pytest.mark.parametrize(("crashes", "times"), [(1, "once"), (2, "2 times"), (3, "3 times")])
def test_the_error_says_how_often_workers_died(crashes: int, times: str) -> None:
    assert max_crashes_error(crashes)["message"] == f"The job took its worker down {times}."


def test_no_wait_is_longer_than_an_hour() -> None:
    waits = [backoff(attempt, 0.0) for attempt in (1, 2, 100)]
    assert waits == sorted(waits)
    assert max(waits) <= MAX_BACKOFF_S * 1.5
