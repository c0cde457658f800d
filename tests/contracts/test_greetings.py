"""Greetings, in memory and in PostgreSQL alike."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from jubilee.adapters.ids import new_id
from jubilee.domain.birthdays import Birth, Birthday
from jubilee.domain.greetings.greeting import (
    CandidateQuery,
    Celebrant,
    GreetingKey,
    GreetingState,
    NotSentReason,
    PlannedGreeting,
)
from jubilee.domain.identity import UserId
from tests.contracts.accounts import a_user, kept
from tests.contracts.conftest import Database

BORN = date(1990, 11, 20)
TODAY = date(2026, 11, 20)
MOMENT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)
ZONES = (None, "Europe/Vienna", "Asia/Kolkata", "Moon/Tycho")


def a_greeting(user_id: UserId, **more: Any) -> PlannedGreeting:
    key = GreetingKey(user_id, 2026)
    return PlannedGreeting(**{"key": key, "due_on": TODAY, "due_at": MOMENT, **more})


async def born(database: Database, name: str, **profile: Any) -> UserId:
    user = a_user(name, **{"date_of_birth": BORN, **profile})
    await kept(database, user)
    return user.id


async def candidates(
    database: Database, *idle: str, home: str = "UTC", limit: int = 100
) -> list[Celebrant]:
    """All of them, page by page."""
    found: list[Celebrant] = []
    while True:
        async with database.read() as view:
            page = await view.greetings.candidates(
                CandidateQuery(TODAY, 1120, idle, home),
                after=found[-1].user_id if found else None,
                limit=limit,
            )
        found += page
        if len(page) < limit:
            return found


async def add(database: Database, *greetings: PlannedGreeting) -> set[UserId]:
    async with database.write() as tx:
        return set(await tx.greetings.add(greetings, at=MOMENT))


async def find(database: Database, user_id: UserId) -> PlannedGreeting | None:
    async with database.write() as tx:
        found: PlannedGreeting | None = await tx.greetings.lock(GreetingKey(user_id, 2026))
        return found


async def test_candidates_are_accounts_born_on_the_day_who_want_it(database: Database) -> None:
    zoe = await born(database, "zoe", time_zone="Asia/Kolkata")
    await born(database, "tomorrow", date_of_birth=BORN + DAY)
    await born(database, "newborn", date_of_birth=TODAY)
    await born(database, "unwilling", birthday_greeting=False)
    await born(database, "disabled", is_active=False)
    await kept(database, a_user("ageless"))
    async with database.write() as tx:
        stranger = Birthday(id=new_id(), name="Stranger", birth=Birth(BORN))
        await tx.birthdays.put(stranger, overwrite=True, max_anonymous=9)
    assert await candidates(database) == [Celebrant(zoe, BORN, "Asia/Kolkata")]


async def test_zones_where_nobody_is_due_are_left_out(database: Database) -> None:
    people = [await born(database, f"p{n}", time_zone=zone) for n, zone in enumerate(ZONES)]
    nowhere, vienna, kolkata, moon = people
    found = {one.user_id for one in await candidates(database, "Asia/Kolkata", home="UTC")}
    assert found == {nowhere, vienna, moon}
    idle = ("Europe/Vienna", "UTC")
    found = {one.user_id for one in await candidates(database, *idle, home="Europe/Vienna")}
    assert found == {kolkata, moon}


async def test_pages_of_any_size_are_the_same_people(database: Database) -> None:
    people = sorted([await born(database, f"p{n}") for n in range(7)])
    for limit in (1, 3, 7, 8):
        assert [one.user_id for one in await candidates(database, limit=limit)] == people


async def test_a_greeting_is_added_once_a_person_and_year(database: Database) -> None:
    zoe, eve = await born(database, "zoe"), await born(database, "eve")
    assert await add(database, a_greeting(zoe)) == {zoe}
    other = a_greeting(zoe, due_on=TODAY + DAY)
    assert await add(database, other, a_greeting(eve), a_greeting(UserId(new_id()))) == {eve}
    assert await find(database, zoe) == a_greeting(zoe)
    assert await candidates(database) == []


async def test_one_that_was_skipped_gives_way_to_another_day(database: Database) -> None:
    zoe = await born(database, "zoe")
    skipped = a_greeting(
        zoe,
        due_on=TODAY - DAY,
        due_at=MOMENT - DAY,
        state=GreetingState.SKIPPED,
        reason=NotSentReason.UNWANTED,
    )
    await add(database, skipped)
    assert len(await candidates(database)) == 1
    assert await add(database, skipped) == set()
    assert await add(database, a_greeting(zoe)) == {zoe}
    assert await find(database, zoe) == a_greeting(zoe)


async def test_a_saved_greeting_keeps_its_day(database: Database) -> None:
    zoe = await born(database, "zoe")
    await add(database, a_greeting(zoe))
    sent = a_greeting(zoe, state=GreetingState.SENT, message_id="<1@a>", sent_at=MOMENT)
    async with database.write() as tx:
        await tx.greetings.save(sent)
    assert await find(database, zoe) == sent
    assert await find(database, UserId(new_id())) is None


async def test_greetings_go_with_their_account(database: Database) -> None:
    zoe = await born(database, "zoe")
    await add(database, a_greeting(zoe))
    async with database.write() as tx:
        await tx.users.delete(zoe)
    assert await find(database, zoe) is None


async def test_planning_remembers_how_far_it_has_come(database: Database) -> None:
    async with database.read() as view:
        assert await view.greetings.planned_until() is None
    for instant in (MOMENT, MOMENT - DAY):
        async with database.write() as tx:
            await tx.greetings.set_planned_until(instant + timedelta(milliseconds=900))
        async with database.read() as view:
            assert await view.greetings.planned_until() == instant


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
async def test_many_who_add_the_same_add_it_once(database: Database) -> None:
    people = [await born(database, f"p{number}") for number in range(50)]
    rows = [a_greeting(one) for one in people]
    added = await asyncio.gather(*(add(database, *order) for order in (rows, rows[::-1], rows)))
    assert sorted(one for each in added for one in each) == sorted(people)
