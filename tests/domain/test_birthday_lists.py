"""The lists of today's and of upcoming birthdays, and how long they are cached."""

from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from jubilee.domain.birthday import Birth, Saved
from jubilee.domain.birthdays import BirthdayService
from jubilee.domain.calendar import LeapDayRule
from tests.domain.birthday_service import (
    ADMIN,
    add_account,
    make_birthday_service,
    names_of_today,
    upcoming_names,
)
from tests.fakes.birthdays import FakeBirthdays, FakeTodayCache
from tests.fakes.store import FakeClock, FakeStore


@pytest.fixture
def birthdays(store: FakeStore) -> BirthdayService:
    return make_birthday_service(store)


async def test_upcoming_birthdays_start_tomorrow_and_are_sorted_by_date(
    birthdays: BirthdayService,
) -> None:
    for name, day in {"Now": 20, "Soon": 21, "Later": 22, "Late": 23}.items():
        await birthdays.save(name, Birth(date(1990, 11, day)), by=None)
    assert await upcoming_names(birthdays, days=2) == [("Soon", 1), ("Later", 2)]
    assert await names_of_today(birthdays) == ["Now"]


async def test_upcoming_birthdays_use_each_persons_time_zone(
    birthdays: BirthdayService, clock: FakeClock
) -> None:
    clock.now = datetime(2026, 11, 20, 10, 30, tzinfo=UTC)  # three dates are today somewhere
    for name, zone in {"East": "Pacific/Kiritimati", "West": "Etc/GMT+12", "Home": None}.items():
        await birthdays.save(name, Birth(date(1990, 11, 21), zone), by=None)
    assert await names_of_today(birthdays) == ["East"]
    assert await upcoming_names(birthdays, days=1) == [("Home", 1)]
    assert await upcoming_names(birthdays, days=2) == [("West", 2), ("Home", 1)]


async def test_a_name_is_upcoming_once_within_366_days(birthdays: BirthdayService) -> None:
    await birthdays.save("Tomorrow", Birth(date(1990, 11, 21)), by=None)
    await birthdays.save("Today", Birth(date(1990, 11, 20)), by=None)
    assert await upcoming_names(birthdays, days=366) == [("Tomorrow", 1), ("Today", 365)]


@pytest.mark.parametrize(
    ("rule", "day"),
    [(LeapDayRule.MAR1, date(2027, 3, 1)), (LeapDayRule.FEB28, date(2027, 2, 28))],
)
async def test_a_birthday_on_29_february_is_listed_on_the_day_of_the_leap_day_rule(
    store: FakeStore, clock: FakeClock, rule: LeapDayRule, day: date
) -> None:
    birthdays = make_birthday_service(store, leap_day=rule)
    clock.now = datetime(2027, 2, 20, tzinfo=UTC)
    await birthdays.save("Zoe", Birth(date(2000, 2, 29)), by=None)
    page = await birthdays.upcoming(30, by=ADMIN, after=None, limit=10)
    assert [(row.day, row.turning) for row in page.rows] == [(day, 27)]


async def test_inactive_accounts_are_not_listed(
    birthdays: BirthdayService, store: FakeStore
) -> None:
    await add_account(store, None, date_of_birth=date(1990, 11, 20))
    await add_account(store, "off", date_of_birth=date(1990, 11, 20), is_active=False)
    assert await names_of_today(birthdays) == [None]


class ViewOpened(Exception):
    """A view was opened."""


def refuse() -> AbstractAsyncContextManager[Any]:
    raise ViewOpened


async def test_todays_list_is_cached_until_a_birthday_changes(
    birthdays: BirthdayService,
) -> None:
    assert await names_of_today(birthdays) == []
    await birthdays.save("Zoe", Birth(date(1990, 11, 20)), by=None)
    assert await names_of_today(birthdays) == ["Zoe"]
    assert await names_of_today(replace(birthdays, read=refuse, read_list=refuse)) == ["Zoe"]
    await birthdays.remove("Zoe", by=ADMIN)
    assert await names_of_today(birthdays) == []


@pytest.mark.parametrize(("recent", "found"), [(True, ["Zoe"]), (False, [])])
async def test_todays_list_is_read_from_a_view_that_lags_unless_it_may_lack_a_change(
    birthdays: BirthdayService, clock: FakeClock, *, recent: bool, found: list[str]
) -> None:
    clock.now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    await birthdays.save("Zoe", Birth(date(1990, 11, 20)), by=None)
    lagging = replace(birthdays, read_list=FakeStore(clock=clock).view)
    assert isinstance(lagging.cache, FakeTodayCache)
    lagging.cache.recent = recent
    assert await names_of_today(lagging) == found


def times_dropped(birthdays: BirthdayService) -> int:
    """How often the pages of today's list were dropped."""
    assert isinstance(birthdays.cache, FakeTodayCache)
    return birthdays.cache.generation


@pytest.mark.parametrize(
    ("now", "born", "dropped"),
    [
        ("2026-11-20", "1990-11-18", False),
        ("2026-11-20", "1990-11-19", True),
        ("2026-11-20", "1990-11-20", True),
        ("2026-11-20", "1990-11-21", True),
        ("2026-11-20", "1990-11-22", False),
        ("2027-03-02", "2000-02-29", True),
        ("2027-02-27", "2000-02-29", False),
        ("2027-01-01", "1990-12-31", True),
    ],
)
async def test_a_birthday_drops_todays_list_only_where_it_may_be_today_in_some_zone(
    birthdays: BirthdayService, clock: FakeClock, now: str, born: str, *, dropped: bool
) -> None:
    clock.now = datetime.fromisoformat(now).replace(hour=12, tzinfo=UTC)
    await birthdays.save("Zoe", Birth(date.fromisoformat(born)), by=None)
    assert times_dropped(birthdays) == dropped


@pytest.mark.parametrize(("day", "dropped"), [(20, 1), (10, 0)])
async def test_a_birthday_that_is_replaced_or_removed_drops_todays_list_where_it_was_on_it(
    birthdays: BirthdayService, day: int, dropped: int
) -> None:
    await birthdays.save("Zoe", Birth(date(1990, 11, day)), by=None)
    before = times_dropped(birthdays)
    await birthdays.save("Zoe", Birth(date(1990, 1, 1)), by=None)
    assert times_dropped(birthdays) - before == dropped
    await birthdays.save("Ben", Birth(date(1990, 11, day)), by=None)
    before = times_dropped(birthdays)
    await birthdays.remove("Ben", by=ADMIN)
    assert times_dropped(birthdays) - before == dropped


async def test_a_birthday_that_replaced_an_unknown_one_drops_todays_list(
    birthdays: BirthdayService, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def uncertain(*_: object, **__: object) -> Saved:
        return Saved(is_certain=False)

    monkeypatch.setattr(FakeBirthdays, "put", uncertain)
    await birthdays.save("Zoe", Birth(date(1990, 1, 1)), by=None)
    assert times_dropped(birthdays) == 1


async def test_an_account_that_moves_its_own_birthday_away_drops_todays_list(
    birthdays: BirthdayService, store: FakeStore
) -> None:
    zoe = await add_account(store, "zoe", date_of_birth=date(1990, 11, 20))
    await birthdays.save("Zoe", Birth(date(1990, 1, 1)), by=zoe)
    assert times_dropped(birthdays) == 1


async def test_todays_list_expires_when_a_day_begins_in_a_time_zone_in_use(
    birthdays: BirthdayService, clock: FakeClock
) -> None:
    clock.now = datetime(2026, 11, 20, 18, 14, 30, tzinfo=UTC)
    kathmandu = Birth(date(1990, 11, 21), "Asia/Kathmandu")  # its day begins at 18:15 UTC
    await birthdays.save("Maya", kathmandu, by=None)
    assert await names_of_today(birthdays) == []
    assert isinstance(birthdays.cache, FakeTodayCache)
    assert list(birthdays.cache.seconds.values()) == [30]
    clock.now += timedelta(seconds=30)
    assert await names_of_today(birthdays) == ["Maya"]


async def test_todays_list_is_cached_until_the_next_quarter_of_an_hour(
    birthdays: BirthdayService, clock: FakeClock
) -> None:
    clock.now = datetime(2026, 11, 20, 18, 1, tzinfo=UTC)
    await names_of_today(birthdays)
    assert isinstance(birthdays.cache, FakeTodayCache)
    assert list(birthdays.cache.seconds.values()) == [840]
