"""Celebrated days, the distance to them, and local dates."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jubilee.domain.calendar import (
    LeapDayRule,
    LocalDates,
    Window,
    born_on,
    celebration_days,
    celebration_in,
    days_until,
    local_date,
    local_dates,
    next_birthday,
    zone_names,
)

MAR1, FEB28 = LeapDayRule.MAR1, LeapDayRule.FEB28
DAY = timedelta(days=1)
LEAP_DAY = date(2000, 2, 29)

days = st.dates(date(1900, 1, 1), date(2100, 12, 31))
births = st.one_of(days, st.just(LEAP_DAY))
rules = st.sampled_from(LeapDayRule)
instants = st.integers(157_766_400, 4_102_444_800).map(lambda s: datetime.fromtimestamp(s, UTC))


def celebrates(born: date, day: date, rule: LeapDayRule) -> bool:
    """State the rule independently of the code under test."""
    if (born.month, born.day) == (day.month, day.day):
        return True
    common = (day + DAY).month == 3 and day.day == 28 if rule is FEB28 else (day - DAY).day == 28
    observed = (2, 28) if rule is FEB28 else (3, 1)
    return (born.month, born.day) == (2, 29) and (day.month, day.day) == observed and common


@given(births, days, rules)
@example(LEAP_DAY, date(2100, 3, 1), MAR1)
@example(LEAP_DAY, date(1900, 2, 28), FEB28)
def test_the_next_birthday_is_the_first_celebrated_day_from_today(
    born: date, today: date, rule: LeapDayRule
) -> None:
    found = next_birthday(born, today, rule)
    searched = next(today + DAY * n for n in range(400) if celebrates(born, today + DAY * n, rule))
    assert found == searched


@given(st.dates(), st.dates(), rules)
@example(date.min, date.max, MAR1)
@example(date.max, date.min, FEB28)
@example(LEAP_DAY, date.max, FEB28)
def test_a_birthday_is_at_most_365_days_away(born: date, today: date, rule: LeapDayRule) -> None:
    assert 0 <= days_until(born, today, rule) <= 365


@given(births, days, rules)
def test_a_day_celebrates_the_birthdays_that_are_zero_days_away(
    born: date, today: date, rule: LeapDayRule
) -> None:
    celebrated = born.month * 100 + born.day in born_on(today, rule)
    assert celebrated == (days_until(born, today, rule) == 0)


@pytest.mark.parametrize(
    ("year", "rule", "day"),
    [
        (1900, MAR1, date(1900, 3, 1)),
        (1900, FEB28, date(1900, 2, 28)),
        (2000, MAR1, LEAP_DAY),
        (2000, FEB28, LEAP_DAY),
        (2023, MAR1, date(2023, 3, 1)),
        (2023, FEB28, date(2023, 2, 28)),
        (2024, MAR1, date(2024, 2, 29)),
        (2100, FEB28, date(2100, 2, 28)),
    ],
)
def test_29_february_is_celebrated_by_the_leap_day_rule(
    year: int, rule: LeapDayRule, day: date
) -> None:
    assert celebration_in(LEAP_DAY, year, rule) == day


@given(days, st.integers(0, 400), rules)
def test_celebration_days_are_sorted_and_know_their_previous_year(
    first: date, length: int, rule: LeapDayRule
) -> None:
    found = list(celebration_days(first, first + DAY * length, rule))
    assert found == sorted(found)
    assert {celebration_day.day for celebration_day in found} == {
        first + DAY * n for n in range(length + 1)
    }
    for celebration_day in found:
        born = date(1904, celebration_day.month_day // 100, celebration_day.month_day % 100)
        assert next_birthday(born, celebration_day.previous + DAY, rule) == celebration_day.day


@given(instants, st.sampled_from(sorted(zone_names())), st.sampled_from(sorted(zone_names())))
def test_local_dates_agree_with_the_date_in_every_zone(
    now: datetime, service: str, zone: str
) -> None:
    dates = local_dates(now, service)
    assert dates.of(zone) == local_date(now, zone)
    assert dates.of(None) == dates.of("Nowhere/Unknown") == local_date(now, service)


@pytest.mark.parametrize(
    ("zone", "before", "after"),
    [
        ("Pacific/Kiritimati", "2026-03-01T09:59:59", "2026-03-01T10:00:00"),  # UTC+14
        ("Pacific/Pago_Pago", "2026-03-02T10:59:59", "2026-03-02T11:00:00"),  # UTC-11
        ("America/New_York", "2026-03-09T03:59:59", "2026-03-09T04:00:00"),  # after the DST night
    ],
)
def test_a_day_begins_at_local_midnight(zone: str, before: str, after: str) -> None:
    last = local_date(datetime.fromisoformat(before + "+00:00"), zone)
    first = local_date(datetime.fromisoformat(after + "+00:00"), zone)
    assert first - last == DAY


def test_a_time_zone_can_skip_a_day() -> None:
    last = local_date(datetime(2011, 12, 30, 9, 59, 59, tzinfo=UTC), "Pacific/Apia")
    first = local_date(datetime(2011, 12, 30, 10, tzinfo=UTC), "Pacific/Apia")
    assert (last, first) == (date(2011, 12, 29), date(2011, 12, 31))


@pytest.mark.parametrize(
    ("ahead", "first", "last"),
    [
        ({"Behind": -2, "Ahead": 1}, date(2026, 11, 19), date(2026, 12, 21)),
        ({"Behind": -2}, date(2026, 11, 19), date(2026, 12, 20)),
        ({"Ahead": 2}, date(2026, 11, 21), date(2026, 12, 22)),
        ({}, date(2026, 11, 21), date(2026, 12, 20)),
    ],
)
def test_a_window_covers_the_zones_furthest_behind_and_ahead(
    ahead: dict[str, int], first: date, last: date
) -> None:
    window = Window(LocalDates(date(2026, 11, 20), ahead), 1, 30, MAR1)
    assert (window.first, window.last) == (first, last)


def test_the_machines_local_zone_is_not_a_zone_name() -> None:
    assert "Europe/Vienna" in zone_names()
    assert "localtime" not in zone_names()
