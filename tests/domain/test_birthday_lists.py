"""Who celebrates today and in the days after, and for how long that is kept."""

from datetime import UTC, date, datetime, timedelta

import pytest

from jubilee.domain.birthdays import (
    Birth,
    BirthdayService,
)
from jubilee.domain.calendar import LeapDayRule
from tests.domain.birthday_service import ADMIN, a_service, an_account, celebrating, names
from tests.fakes.birthdays import FakeTodayCache
from tests.fakes.store import FakeClock, FakeStore


@pytest.fixture
def birthdays(store: FakeStore) -> BirthdayService:
    return a_service(store)


async def test_upcoming_are_those_of_the_days_after_today_the_nearest_first(
    birthdays: BirthdayService,
) -> None:
    for name, day in {"Now": 20, "Soon": 21, "Later": 22, "Late": 23}.items():
        await birthdays.save(name, Birth(date(1990, 11, day)), by=None)
    assert await names(birthdays, days=2) == [("Soon", 1), ("Later", 2)]
    assert await celebrating(birthdays) == ["Now"]


async def test_everybody_is_upcoming_by_their_own_calendar(
    birthdays: BirthdayService, clock: FakeClock
) -> None:
    clock.now = datetime(2026, 11, 20, 10, 30, tzinfo=UTC)  # three dates are today somewhere
    for name, zone in {"East": "Pacific/Kiritimati", "West": "Etc/GMT+12", "Home": None}.items():
        await birthdays.save(name, Birth(date(1990, 11, 21), zone), by=None)
    assert await celebrating(birthdays) == ["East"]
    assert await names(birthdays, days=1) == [("Home", 1)]
    assert await names(birthdays, days=2) == [("West", 2), ("Home", 1)]


async def test_nobody_is_upcoming_twice_in_a_year(birthdays: BirthdayService) -> None:
    await birthdays.save("Tomorrow", Birth(date(1990, 11, 21)), by=None)
    await birthdays.save("Today", Birth(date(1990, 11, 20)), by=None)
    assert await names(birthdays, days=366) == [("Tomorrow", 1), ("Today", 365)]


@pytest.mark.parametrize(
    ("rule", "day"),
    [(LeapDayRule.MAR1, date(2027, 3, 1)), (LeapDayRule.FEB28, date(2027, 2, 28))],
)
async def test_the_leap_day_is_listed_on_the_day_of_the_rule(
    store: FakeStore, clock: FakeClock, rule: LeapDayRule, day: date
) -> None:
    birthdays = a_service(store, leap_day=rule)
    clock.now = datetime(2027, 2, 20, tzinfo=UTC)
    await birthdays.save("Zoe", Birth(date(2000, 2, 29)), by=None)
    page = await birthdays.upcoming(30, after=None, limit=10)
    assert [(row.day, row.turning) for row in page.rows] == [(day, 27)]


async def test_accounts_that_are_not_active_are_not_listed(
    birthdays: BirthdayService, store: FakeStore
) -> None:
    await an_account(store, None, date_of_birth=date(1990, 11, 20))
    await an_account(store, "off", date_of_birth=date(1990, 11, 20), is_active=False)
    assert await celebrating(birthdays) == [None]


async def test_todays_list_is_read_once_and_anew_after_a_change(
    birthdays: BirthdayService, store: FakeStore
) -> None:
    assert await celebrating(birthdays) == []
    await birthdays.save("Zoe", Birth(date(1990, 11, 20)), by=None)
    assert await celebrating(birthdays) == ["Zoe"]
    store.broken = RuntimeError("nobody reads the database now")
    assert await celebrating(birthdays) == ["Zoe"]
    store.broken = None
    await birthdays.remove("Zoe", by=ADMIN)
    assert await celebrating(birthdays) == []


async def test_todays_list_is_not_kept_beyond_the_end_of_a_day_anywhere(
    birthdays: BirthdayService, clock: FakeClock
) -> None:
    clock.now = datetime(2026, 11, 20, 18, 14, 30, tzinfo=UTC)
    kathmandu = Birth(date(1990, 11, 21), "Asia/Kathmandu")  # its day begins at 18:15 UTC
    await birthdays.save("Maya", kathmandu, by=None)
    assert await celebrating(birthdays) == []
    assert isinstance(birthdays.cache, FakeTodayCache)
    assert list(birthdays.cache.seconds.values()) == [30]
    clock.now += timedelta(seconds=30)
    assert await celebrating(birthdays) == ["Maya"]


async def test_todays_list_is_kept_until_a_day_can_end_somewhere(
    birthdays: BirthdayService, clock: FakeClock
) -> None:
    clock.now = datetime(2026, 11, 20, 18, 1, tzinfo=UTC)
    await celebrating(birthdays)
    assert isinstance(birthdays.cache, FakeTodayCache)
    assert list(birthdays.cache.seconds.values()) == [840]
