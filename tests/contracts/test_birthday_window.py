"""The celebrations in a window of days, in memory and in PostgreSQL."""

from datetime import date
from random import Random

import pytest

from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.transaction import transactions
from jubilee.adapters.postgres.write_context import WriteContext
from jubilee.domain.birthday import Birth, Birthday
from jubilee.domain.calendar import LeapDayRule
from tests.contracts.birthday_rows import (
    LETTERS,
    NO_LIMIT,
    ZONES,
    list_celebrations,
    make_window,
    put,
    register,
)
from tests.contracts.conftest import Database
from tests.fakes.store import FakeClock, FakeStore


async def test_the_window_is_sorted_and_counts_days_in_each_time_zone(
    database: Database,
) -> None:
    for name, zone in {"East": "Pacific/Kiritimati", "West": "Etc/GMT+12", "Home": None}.items():
        await put(database, name, Birth(date(1990, 11, 21), zone))
    rows = await list_celebrations(database, make_window(0, 2))
    assert [(row.name, row.days) for row in rows] == [("East", 0), ("West", 2), ("Home", 1)]
    assert {(row.day, row.turning) for row in rows} == {(date(2026, 11, 21), 36)}
    assert [row.name for row in await list_celebrations(database, make_window(0, 0))] == ["East"]


async def test_the_window_omits_inactive_undated_and_unborn_accounts(
    database: Database,
) -> None:
    born = {"date_of_birth": date(1990, 11, 21)}
    await register(database, "inactive", is_active=False, **born)
    await register(database, "undated")
    await register(database, "unborn", date_of_birth=date(2026, 11, 21))
    nameless = await register(database, None, **born)
    (row,) = await list_celebrations(database, make_window(0, 366))
    assert (row.name, row.user_id, row.days) == (None, nameless.id, 1)


@pytest.mark.parametrize(
    ("rule", "days"),
    [(LeapDayRule.MAR1, [date(2027, 3, 1)] * 2), (LeapDayRule.FEB28, [date(2027, 2, 28)] * 2)],
)
async def test_29_february_is_celebrated_with_the_day_of_the_leap_day_rule(
    database: Database, rule: LeapDayRule, days: list[date]
) -> None:
    own = {LeapDayRule.MAR1: date(1990, 3, 1), LeapDayRule.FEB28: date(1990, 2, 28)}[rule]
    await put(database, "Leap", Birth(date(2000, 2, 29)))
    await put(database, "Own", Birth(own))
    rows = await list_celebrations(database, make_window(1, 120, rule), limit=1)
    assert [row.day for row in rows] == days
    assert {row.name for row in rows} == {"Leap", "Own"}


async def test_pages_of_any_size_give_the_same_list(database: Database) -> None:
    for number, letter in enumerate(LETTERS):
        await put(database, f"Zoe{letter}", Birth(date(1990, 11, 20 + number % 4)))
    whole = await list_celebrations(database, make_window(0, 30))
    assert len(whole) == len(LETTERS)
    assert whole == sorted(whole, key=lambda row: (row.day, row.id))
    for limit in (1, 3, 5, 10):
        assert await list_celebrations(database, make_window(0, 30), limit=limit) == whole


@pytest.mark.parametrize(("nearest", "furthest"), [(0, 0), (1, 1), (1, 30), (1, 366)])
async def test_both_adapters_find_the_same_among_random_birthdays(
    pool: ConnectionPool, clock: FakeClock, nearest: int, furthest: int
) -> None:
    chance = Random(furthest)
    fake = FakeStore(clock=clock).birthdays
    birthdays = [random_birthday(chance, number) for number in range(400)]
    async with transactions(pool, WriteContext(clock, new_id, lambda: None))() as tx:
        for birthday in birthdays:
            await fake.put(birthday, overwrite=True, max_anonymous=NO_LIMIT)
            await tx.birthdays.put(birthday, overwrite=True, max_anonymous=NO_LIMIT)
        for rule in LeapDayRule:
            window = make_window(nearest, furthest, rule)
            expected = await fake.list_window(window, after=None, limit=1000)
            assert await tx.birthdays.list_window(window, after=None, limit=1000) == expected


def random_birthday(chance: Random, number: int) -> Birthday:
    """Return a birthday that is often near today and sometimes on 29 February."""
    near = date.fromordinal(date(2000, 11, 20).toordinal() + chance.randint(-4, 4))
    born = chance.choice([near, near, date(2000, 2, 29), date(1950 + number % 70, 3, 1)])
    name = "".join(LETTERS[int(digit)] for digit in str(number))
    return Birthday(id=new_id(), name=name, birth=Birth(born, chance.choice(ZONES)))
