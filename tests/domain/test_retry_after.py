"""Parsing `Retry-After` in all of its forms."""

from math import inf

import pytest

from jubilee.domain.outbound.retry_after import retry_after

DATE = "Sun, 06 Nov 1994 08:49:37 GMT"


@pytest.mark.parametrize(
    ("value", "seconds"),
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
def test_seconds_and_dates_are_parsed(value: str, seconds: float) -> None:
    assert retry_after({"retry-after": value, "date": DATE}) == seconds


@pytest.mark.parametrize(
    "value",
    [
        *("", "soon", "-5", "1.5", "٣", "1 2", "Sun, 32 Nov 1994 08:49:37 GMT"),
        *("Sun, 06 Nov 99999 08:49:37 GMT", f"Sun, 06 Nov 1994 08:49:37 +{'9' * 40}"),
    ],
)
def test_an_invalid_value_is_ignored(value: str) -> None:
    assert retry_after({"retry-after": value, "date": DATE}) is None


def test_a_missing_header_or_date_is_ignored() -> None:
    assert retry_after({"date": DATE}) is None
    assert retry_after({"retry-after": DATE}) is None
