"""Saving, greeting and forgetting birthdays, and who may."""

import unicodedata
from datetime import UTC, date, datetime

import pytest

from jubilee.domain.birthday_rules import AnonymousPolicy
from jubilee.domain.birthdays import (
    Birth,
    BirthdayNotFound,
    BirthdayService,
    InvalidName,
    TooManyNames,
)
from jubilee.domain.calendar import NotBornYet, UnknownTimeZone
from jubilee.domain.errors import NotAllowed, NotAuthenticated
from tests.domain.birthday_service import (
    ADMIN,
    ALL,
    BORN,
    SOMEBODY,
    a_service,
    an_account,
    celebrating,
)
from tests.fakes.store import FakeClock, FakeStore


@pytest.fixture
def birthdays(store: FakeStore) -> BirthdayService:
    return a_service(store)


@pytest.mark.parametrize(
    ("today", "message"),
    [
        ("2027-02-28", "Hello, Zoe! Happy birthday!"),
        ("2027-02-27", "Hello, Zoe! Your birthday is in 1 day(s)"),
        ("2027-03-01", "Hello, Zoe! Your birthday is in 364 day(s)"),
        ("2028-02-29", "Hello, Zoe! Your birthday is in 365 day(s)"),
    ],
)
async def test_a_name_is_greeted_word_for_word(
    birthdays: BirthdayService, clock: FakeClock, today: str, message: str
) -> None:
    await birthdays.save("Zoe", BORN, by=None)
    clock.now = datetime.fromisoformat(today + "T12:00:00+00:00")
    assert await birthdays.greet("Zoe") == message


async def test_the_greeting_bears_the_name_as_it_was_asked_for(birthdays: BirthdayService) -> None:
    await birthdays.save("Zoë", BORN, by=None)
    apart = unicodedata.normalize("NFD", "ZOË")
    assert (await birthdays.greet(apart)).startswith(f"Hello, {apart}! Your birthday is in ")


@pytest.mark.parametrize(
    "name", ["", "zoe1", "zoe quill", "\u0301zoe", "1", "zo-e", "a" * 65, "zoe\u200b"]
)
async def test_what_is_no_name_is_refused_everywhere(birthdays: BirthdayService, name: str) -> None:
    for attempt in (
        birthdays.save(name, BORN, by=None),
        birthdays.greet(name),
        birthdays.remove(name, by=ADMIN),
    ):
        with pytest.raises(InvalidName):
            await attempt


async def test_a_name_nobody_saved_is_not_found(birthdays: BirthdayService) -> None:
    with pytest.raises(BirthdayNotFound):
        await birthdays.greet("Zoe")


async def test_today_is_not_yet_a_date_of_birth_but_yesterday_is(
    birthdays: BirthdayService,
) -> None:
    with pytest.raises(NotBornYet):
        await birthdays.save("Zoe", Birth(date(2026, 11, 20)), by=None)
    await birthdays.save("Zoe", Birth(date(2026, 11, 19)), by=None)


async def test_today_is_what_the_persons_own_calendar_says(
    birthdays: BirthdayService, clock: FakeClock
) -> None:
    clock.now = datetime(2026, 11, 20, 11, 30, tzinfo=UTC)  # on Kiritimati it is the 21st already
    born = date(2026, 11, 20)
    with pytest.raises(NotBornYet):
        await birthdays.save("Zoe", Birth(born, "Pacific/Pago_Pago"), by=None)
    await birthdays.save("Zoe", Birth(born, "Pacific/Kiritimati"), by=None)
    assert await birthdays.greet("Zoe") == "Hello, Zoe! Your birthday is in 364 day(s)"


async def test_where_no_zone_is_given_the_services_own_counts(
    store: FakeStore, clock: FakeClock
) -> None:
    clock.now = datetime(2027, 2, 27, 10, tzinfo=UTC)
    birthdays = a_service(store, time_zone="Pacific/Kiritimati")
    await birthdays.save("Zoe", BORN, by=None)
    assert await birthdays.greet("Zoe") == "Hello, Zoe! Happy birthday!"


async def test_a_zone_that_is_none_is_refused(birthdays: BirthdayService) -> None:
    with pytest.raises(UnknownTimeZone) as refused:
        await birthdays.save("Zoe", Birth(BORN.date, "Mars/Olympus"), by=None)
    assert refused.value.pointer == "/timeZone"


async def test_a_zone_that_this_version_does_not_know_is_as_good_as_none(
    birthdays: BirthdayService, store: FakeStore, clock: FakeClock
) -> None:
    await an_account(store, "zoe", date_of_birth=BORN.date, time_zone="Moon/Tycho")
    clock.now = datetime(2027, 2, 28, tzinfo=UTC)
    assert await birthdays.greet("zoe") == "Hello, zoe! Happy birthday!"
    assert await celebrating(birthdays) == ["zoe"]


async def test_replacing_replaces_the_zone_too(
    birthdays: BirthdayService, store: FakeStore
) -> None:
    await birthdays.save("Zoe", Birth(BORN.date, "Europe/Vienna"), by=None)
    await birthdays.save("ZOE", BORN, by=None)
    assert await store.birthdays.find("zoe") == BORN
    assert len(store.birthdays.anonymous) == 1


async def test_where_it_is_open_every_account_replaces_a_strangers(
    birthdays: BirthdayService, store: FakeStore
) -> None:
    await birthdays.save("Zoe", BORN, by=None)
    await birthdays.save("Zoe", Birth(date(1980, 1, 1)), by=SOMEBODY)
    assert await store.birthdays.find("zoe") == Birth(date(1980, 1, 1))


async def test_where_the_first_write_wins_only_an_admin_replaces_it(store: FakeStore) -> None:
    birthdays = a_service(store, anonymous=AnonymousPolicy.CREATE)
    await birthdays.save("Zoe", BORN, by=None)
    for somebody in (None, SOMEBODY):
        with pytest.raises(NotAllowed):
            await birthdays.save("Zoe", BORN, by=somebody)
    await birthdays.save("Zoe", Birth(date(1980, 1, 1)), by=ADMIN)
    assert await store.birthdays.find("zoe") == Birth(date(1980, 1, 1))


async def test_where_it_is_off_only_an_admin_saves_a_strangers(store: FakeStore) -> None:
    birthdays = a_service(store, anonymous=AnonymousPolicy.OFF)
    with pytest.raises(NotAuthenticated):
        await birthdays.save("Zoe", BORN, by=None)
    with pytest.raises(NotAllowed):
        await birthdays.save("Zoe", BORN, by=SOMEBODY)
    await birthdays.save("Zoe", BORN, by=ADMIN)
    with pytest.raises(NotAllowed):
        await birthdays.save("Zoe", BORN, by=SOMEBODY)


@pytest.mark.parametrize("anonymous", ALL)
async def test_an_accounts_name_is_its_own_or_an_admins(
    store: FakeStore, anonymous: AnonymousPolicy
) -> None:
    birthdays = a_service(store, anonymous=anonymous)
    zoe = await an_account(store)
    with pytest.raises(NotAuthenticated):
        await birthdays.save("Zoe", BORN, by=None)
    with pytest.raises(NotAllowed):
        await birthdays.save("Zoe", BORN, by=SOMEBODY)
    await birthdays.save("Zoe", BORN, by=zoe)
    await birthdays.save("Zoe", Birth(date(1980, 1, 1), "Asia/Tokyo"), by=ADMIN)
    account = store.birthdays.accounts[zoe.user_id]
    assert (account.date_of_birth, account.time_zone) == (date(1980, 1, 1), "Asia/Tokyo")


async def test_no_more_than_so_many_names_are_saved_without_an_account(store: FakeStore) -> None:
    birthdays = a_service(store, max_anonymous=2)
    await an_account(store, "account", date_of_birth=BORN.date)
    await birthdays.save("Ada", BORN, by=None)
    await birthdays.save("Ben", BORN, by=None)
    with pytest.raises(TooManyNames):
        await birthdays.save("Cid", BORN, by=None)
    await birthdays.save("Ada", BORN, by=None)
    await birthdays.remove("Ben", by=ADMIN)
    await birthdays.save("Cid", BORN, by=None)


async def test_an_owner_forgets_the_birthday_and_keeps_the_name(
    birthdays: BirthdayService, store: FakeStore
) -> None:
    zoe = await an_account(store, "zoe", date_of_birth=BORN.date, time_zone="Europe/Vienna")
    await birthdays.remove("zoe", by=zoe)
    with pytest.raises(BirthdayNotFound):
        await birthdays.greet("zoe")
    with pytest.raises(BirthdayNotFound):
        await birthdays.remove("zoe", by=zoe)
    with pytest.raises(NotAuthenticated):
        await birthdays.save("zoe", BORN, by=None)


async def test_only_those_who_may_forget_learn_whether_there_is_something(
    birthdays: BirthdayService, store: FakeStore
) -> None:
    await an_account(store)
    await birthdays.save("Ben", BORN, by=SOMEBODY)
    for name in ("zoe", "Ben", "Nobody"):
        with pytest.raises(NotAllowed):
            await birthdays.remove(name, by=SOMEBODY)
    await birthdays.remove("Ben", by=ADMIN)
    for name in ("zoe", "Ben", "Nobody"):
        with pytest.raises(BirthdayNotFound):
            await birthdays.remove(name, by=ADMIN)
