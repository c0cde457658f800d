"""Errors of jobs whose workers died."""

import pytest

from jubilee.domain.jobs.retries import max_crashes_error


@pytest.mark.parametrize(("crashes", "times"), [(1, "once"), (2, "2 times"), (3, "3 times")])
def test_the_error_says_how_often_workers_died(crashes: int, times: str) -> None:
    assert max_crashes_error(crashes)["message"] == f"The job took its worker down {times}."
