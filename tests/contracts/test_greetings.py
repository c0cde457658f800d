"""Greetings, in memory and in PostgreSQL."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from jubilee.adapters.ids import new_id
from jubilee.domain.birthday import Birth, Birthday
from jubilee.domain.greetings.greeting import (
    CandidateQuery,
    Celebrant,
    GreetingKey,
    GreetingState,
    NotSentReason,
    PlannedGreeting,
)
from jubilee.domain.identity import UserId
from tests.contracts.accounts import add_users, make_user
from tests.contracts.conftest import Database

BORN = date(1990, 11, 20)
TODAY = date(2026, 11, 20)
DUE_AT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)
ZONES = (None, "Europe/Vienna", "Asia/Kolkata", "Moon/Tycho")


def make_greeting(user_id: UserId, **more: Any) -> PlannedGreeting:
    key = GreetingKey(user_id, 2026)
    return PlannedGreeting(**{"key": key, "due_on": TODAY, "due_at": DUE_AT, **more})


async def add_person(database: Database, name: str, **profile: Any) -> UserId:
    user = make_user(name, **{"date_of_birth": BORN, **profile})
    await add_users(database, user)
    return user.id


async def candidates(
    database: Database, *idle: str, home: str = "UTC", limit: int = 100
) -> list[Celebrant]:
    """Return all candidates, read page by page."""
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
        return set(await tx.greetings.add(greetings, at=DUE_AT))


async def find(database: Database, user_id: UserId) -> PlannedGreeting | None:
    async with database.write() as tx:
        found: PlannedGreeting | None = await tx.greetings.lock(GreetingKey(user_id, 2026))
        return found


async def test_candidates_are_active_subscribed_accounts_born_on_the_day(
    database: Database,
) -> None:
    zoe = await add_person(database, "zoe", time_zone="Asia/Kolkata")
    await add_person(database, "tomorrow", date_of_birth=BORN + DAY)
    await add_person(database, "newborn", date_of_birth=TODAY)
    await add_person(database, "unsubscribed", birthday_greeting=False)
    await add_person(database, "disabled", is_active=False)
    await add_users(database, make_user("ageless"))
    async with database.write() as tx:
        anonymous = Birthday(id=new_id(), name="Anonymous", birth=Birth(BORN))
        await tx.birthdays.put(anonymous, overwrite=True, max_anonymous=9)
    assert await candidates(database) == [Celebrant(zoe, BORN, "Asia/Kolkata")]


async def test_idle_time_zones_are_left_out(database: Database) -> None:
    people = [await add_person(database, f"p{n}", time_zone=zone) for n, zone in enumerate(ZONES)]
    unset, vienna, kolkata, moon = people
    found = {one.user_id for one in await candidates(database, "Asia/Kolkata", home="UTC")}
    assert found == {unset, vienna, moon}
    idle = ("Europe/Vienna", "UTC")
    found = {one.user_id for one in await candidates(database, *idle, home="Europe/Vienna")}
    assert found == {kolkata, moon}


async def test_pages_of_any_size_give_the_same_candidates(database: Database) -> None:
    people = sorted([await add_person(database, f"p{n}") for n in range(7)])
    for limit in (1, 3, 7, 8):
        assert [one.user_id for one in await candidates(database, limit=limit)] == people


async def test_a_greeting_is_added_once_per_account_and_year(database: Database) -> None:
    zoe, eve = await add_person(database, "zoe"), await add_person(database, "eve")
    assert await add(database, make_greeting(zoe)) == {zoe}
    other = make_greeting(zoe, due_on=TODAY + DAY)
    assert await add(database, other, make_greeting(eve), make_greeting(UserId(new_id()))) == {eve}
    assert await find(database, zoe) == make_greeting(zoe)
    assert await candidates(database) == []


async def test_a_skipped_greeting_is_replaced_by_one_on_another_day(database: Database) -> None:
    zoe = await add_person(database, "zoe")
    skipped = make_greeting(
        zoe,
        due_on=TODAY - DAY,
        due_at=DUE_AT - DAY,
        state=GreetingState.SKIPPED,
        reason=NotSentReason.UNWANTED,
    )
    await add(database, skipped)
    assert len(await candidates(database)) == 1
    assert await add(database, skipped) == set()
    assert await add(database, make_greeting(zoe)) == {zoe}
    assert await find(database, zoe) == make_greeting(zoe)


async def test_saving_a_greeting_keeps_its_due_day(database: Database) -> None:
    zoe = await add_person(database, "zoe")
    await add(database, make_greeting(zoe))
    sent = make_greeting(zoe, state=GreetingState.SENT, message_id="<1@a>", sent_at=DUE_AT)
    async with database.write() as tx:
        await tx.greetings.save(sent)
    assert await find(database, zoe) == sent
    assert await find(database, UserId(new_id())) is None


async def test_greetings_without_a_final_state_are_parked(database: Database) -> None:
    people = {state: await add_person(database, state.value) for state in GreetingState}
    for state, person in people.items():
        reason = NotSentReason.LATE if state is GreetingState.SKIPPED else None
        await add(database, make_greeting(person, state=state, reason=reason))
    async with database.write() as tx:
        assert await tx.greetings.park_open() == 2
    for state, person in people.items():
        found = await find(database, person)
        assert found is not None
        is_open = state in {GreetingState.PLANNED, GreetingState.SENDING}
        assert found.state is (GreetingState.UNCERTAIN if is_open else state)


async def test_deleting_an_account_deletes_its_greetings(database: Database) -> None:
    zoe = await add_person(database, "zoe")
    await add(database, make_greeting(zoe))
    async with database.write() as tx:
        await tx.users.delete(zoe)
    assert await find(database, zoe) is None


async def test_the_planners_progress_is_stored(database: Database) -> None:
    async with database.read() as view:
        assert await view.greetings.planned_until() is None
    for instant in (DUE_AT, DUE_AT - DAY):
        async with database.write() as tx:
            await tx.greetings.set_planned_until(instant + timedelta(milliseconds=900))
        async with database.read() as view:
            assert await view.greetings.planned_until() == instant


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
async def test_parallel_planners_add_each_greeting_once(database: Database) -> None:
    people = [await add_person(database, f"p{number}") for number in range(50)]
    rows = [make_greeting(one) for one in people]
    added = await asyncio.gather(*(add(database, *order) for order in (rows, rows[::-1], rows)))
    assert sorted(one for each in added for one in each) == sorted(people)
