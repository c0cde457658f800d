"""When a server may be asked again, in every form that its answer may have."""

from math import inf

import pytest

from jubilee.domain.outbound.retry_after import retry_after

DATE = "Sun, 06 Nov 1994 08:49:37 GMT"


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("120", 120),
        (" 0 ", 0),
        ("9" * 5000, inf),
        ("Sun, 06 Nov 1994 08:51:37 GMT", 120),
        ("Sunday, 06-Nov-94 08:51:37 GMT", 120),
        ("Sun Nov  6 08:51:37 1994", 120),
        ("Sun, 06 Nov 1994 08:49:36 GMT", -1),
    ],
)
def test_seconds_and_dates_are_understood(said: str, seconds: float) -> None:
    assert retry_after({"retry-after": said, "date": DATE}) == seconds


@pytest.mark.parametrize(
    "said",
    [
        *("", "soon", "-5", "1.5", "٣", "1 2", "Sun, 32 Nov 1994 08:49:37 GMT"),
        *("Sun, 06 Nov 99999 08:49:37 GMT", f"Sun, 06 Nov 1994 08:49:37 +{'9' * 40}"),
    ],
)
def test_what_cannot_be_understood_says_nothing(said: str) -> None:
    assert retry_after({"retry-after": said, "date": DATE}) is None


def test_where_nothing_is_said_nothing_is_known() -> None:
    assert retry_after({"date": DATE}) is None
    assert retry_after({"retry-after": DATE}) is None
