"""Saving, greeting and removing birthdays, and who is allowed to."""

import unicodedata
from datetime import UTC, date, datetime

import pytest

from jubilee.domain.birthday import Birth, BirthdayNotFound, InvalidName, TooManyNames
from jubilee.domain.birthday_rules import AnonymousPolicy
from jubilee.domain.birthdays import BirthdayService
from jubilee.domain.calendar import NotBornYet, UnknownTimeZone
from jubilee.domain.errors import NotAllowed, NotAuthenticated
from tests.domain.birthday_service import (
    ADMIN,
    ALL_POLICIES,
    BIRTH,
    USER,
    add_account,
    make_birthday_service,
    names_of_today,
)
from tests.fakes.store import FakeClock, FakeStore


@pytest.fixture
def birthdays(store: FakeStore) -> BirthdayService:
    return make_birthday_service(store)


@pytest.mark.parametrize(
    ("today", "message"),
    [
        ("2027-02-28", "Hello, Zoe! Happy birthday!"),
        ("2027-02-27", "Hello, Zoe! Your birthday is in 1 day(s)"),
        ("2027-03-01", "Hello, Zoe! Your birthday is in 364 day(s)"),
        ("2028-02-29", "Hello, Zoe! Your birthday is in 365 day(s)"),
    ],
)
async def test_the_message_counts_the_days_to_the_birthday(
    birthdays: BirthdayService, clock: FakeClock, today: str, message: str
) -> None:
    await birthdays.save("Zoe", BIRTH, by=None)
    clock.now = datetime.fromisoformat(today + "T12:00:00+00:00")
    assert await birthdays.greet("Zoe") == message


async def test_the_message_spells_the_name_as_the_caller_did(birthdays: BirthdayService) -> None:
    await birthdays.save("Zoë", BIRTH, by=None)
    apart = unicodedata.normalize("NFD", "ZOË")
    assert (await birthdays.greet(apart)).startswith(f"Hello, {apart}! Your birthday is in ")


@pytest.mark.parametrize(
    "name", ["", "zoe1", "zoe quill", "\u0301zoe", "1", "zo-e", "a" * 65, "zoe\u200b"]
)
async def test_every_operation_refuses_an_invalid_name(
    birthdays: BirthdayService, name: str
) -> None:
    for attempt in (
        birthdays.save(name, BIRTH, by=None),
        birthdays.greet(name),
        birthdays.remove(name, by=ADMIN),
    ):
        with pytest.raises(InvalidName):
            await attempt


async def test_an_unknown_name_is_not_found(birthdays: BirthdayService) -> None:
    with pytest.raises(BirthdayNotFound):
        await birthdays.greet("Zoe")


async def test_a_date_of_birth_must_be_before_today(
    birthdays: BirthdayService,
) -> None:
    with pytest.raises(NotBornYet):
        await birthdays.save("Zoe", Birth(date(2026, 11, 20)), by=None)
    await birthdays.save("Zoe", Birth(date(2026, 11, 19)), by=None)


async def test_today_is_computed_in_the_persons_time_zone(
    birthdays: BirthdayService, clock: FakeClock
) -> None:
    clock.now = datetime(2026, 11, 20, 11, 30, tzinfo=UTC)  # on Kiritimati it is the 21st already
    born = date(2026, 11, 20)
    with pytest.raises(NotBornYet):
        await birthdays.save("Zoe", Birth(born, "Pacific/Pago_Pago"), by=None)
    await birthdays.save("Zoe", Birth(born, "Pacific/Kiritimati"), by=None)
    assert await birthdays.greet("Zoe") == "Hello, Zoe! Your birthday is in 364 day(s)"


async def test_a_birthday_without_a_time_zone_uses_the_services(
    store: FakeStore, clock: FakeClock
) -> None:
    clock.now = datetime(2027, 2, 27, 10, tzinfo=UTC)
    birthdays = make_birthday_service(store, time_zone="Pacific/Kiritimati")
    await birthdays.save("Zoe", BIRTH, by=None)
    assert await birthdays.greet("Zoe") == "Hello, Zoe! Happy birthday!"


async def test_an_unknown_time_zone_is_refused(birthdays: BirthdayService) -> None:
    with pytest.raises(UnknownTimeZone) as refused:
        await birthdays.save("Zoe", Birth(BIRTH.date, "Mars/Olympus"), by=None)
    assert refused.value.pointer == "/timeZone"


async def test_a_stored_time_zone_that_is_no_longer_known_falls_back_to_the_services(
    birthdays: BirthdayService, store: FakeStore, clock: FakeClock
) -> None:
    await add_account(store, "zoe", date_of_birth=BIRTH.date, time_zone="Moon/Tycho")
    clock.now = datetime(2027, 2, 28, tzinfo=UTC)
    assert await birthdays.greet("zoe") == "Hello, zoe! Happy birthday!"
    assert await names_of_today(birthdays) == ["zoe"]


async def test_saving_a_birthday_again_replaces_its_time_zone(
    birthdays: BirthdayService, store: FakeStore
) -> None:
    await birthdays.save("Zoe", Birth(BIRTH.date, "Europe/Vienna"), by=None)
    await birthdays.save("ZOE", BIRTH, by=None)
    assert await store.birthdays.find("zoe") == BIRTH
    assert len(store.birthdays.anonymous) == 1


async def test_policy_open_lets_every_account_replace_an_anonymous_birthday(
    birthdays: BirthdayService, store: FakeStore
) -> None:
    await birthdays.save("Zoe", BIRTH, by=None)
    await birthdays.save("Zoe", Birth(date(1980, 1, 1)), by=USER)
    assert await store.birthdays.find("zoe") == Birth(date(1980, 1, 1))


async def test_policy_create_lets_only_an_admin_replace_an_anonymous_birthday(
    store: FakeStore,
) -> None:
    birthdays = make_birthday_service(store, anonymous=AnonymousPolicy.CREATE)
    await birthdays.save("Zoe", BIRTH, by=None)
    for caller in (None, USER):
        with pytest.raises(NotAllowed):
            await birthdays.save("Zoe", BIRTH, by=caller)
    await birthdays.save("Zoe", Birth(date(1980, 1, 1)), by=ADMIN)
    assert await store.birthdays.find("zoe") == Birth(date(1980, 1, 1))


async def test_policy_off_lets_only_an_admin_save_an_anonymous_birthday(store: FakeStore) -> None:
    birthdays = make_birthday_service(store, anonymous=AnonymousPolicy.OFF)
    with pytest.raises(NotAuthenticated):
        await birthdays.save("Zoe", BIRTH, by=None)
    with pytest.raises(NotAllowed):
        await birthdays.save("Zoe", BIRTH, by=USER)
    await birthdays.save("Zoe", BIRTH, by=ADMIN)
    with pytest.raises(NotAllowed):
        await birthdays.save("Zoe", BIRTH, by=USER)


@pytest.mark.parametrize("anonymous", ALL_POLICIES)
async def test_only_the_account_and_admins_save_under_its_username(
    store: FakeStore, anonymous: AnonymousPolicy
) -> None:
    birthdays = make_birthday_service(store, anonymous=anonymous)
    zoe = await add_account(store)
    with pytest.raises(NotAuthenticated):
        await birthdays.save("Zoe", BIRTH, by=None)
    with pytest.raises(NotAllowed):
        await birthdays.save("Zoe", BIRTH, by=USER)
    await birthdays.save("Zoe", BIRTH, by=zoe)
    await birthdays.save("Zoe", Birth(date(1980, 1, 1), "Asia/Tokyo"), by=ADMIN)
    account = store.birthdays.accounts[zoe.user_id]
    assert (account.date_of_birth, account.time_zone) == (date(1980, 1, 1), "Asia/Tokyo")


async def test_the_number_of_anonymous_names_is_limited(store: FakeStore) -> None:
    birthdays = make_birthday_service(store, max_anonymous=2)
    await add_account(store, "account", date_of_birth=BIRTH.date)
    await birthdays.save("Ada", BIRTH, by=None)
    await birthdays.save("Ben", BIRTH, by=None)
    with pytest.raises(TooManyNames):
        await birthdays.save("Cid", BIRTH, by=None)
    await birthdays.save("Ada", BIRTH, by=None)
    await birthdays.remove("Ben", by=ADMIN)
    await birthdays.save("Cid", BIRTH, by=None)


async def test_an_account_that_removes_its_birthday_keeps_its_name(
    birthdays: BirthdayService, store: FakeStore
) -> None:
    zoe = await add_account(store, "zoe", date_of_birth=BIRTH.date, time_zone="Europe/Vienna")
    await birthdays.remove("zoe", by=zoe)
    with pytest.raises(BirthdayNotFound):
        await birthdays.greet("zoe")
    with pytest.raises(BirthdayNotFound):
        await birthdays.remove("zoe", by=zoe)
    with pytest.raises(NotAuthenticated):
        await birthdays.save("zoe", BIRTH, by=None)


async def test_only_callers_allowed_to_remove_learn_whether_a_birthday_exists(
    birthdays: BirthdayService, store: FakeStore
) -> None:
    await add_account(store)
    await birthdays.save("Ben", BIRTH, by=USER)
    for name in ("zoe", "Ben", "Missing"):
        with pytest.raises(NotAllowed):
            await birthdays.remove(name, by=USER)
    await birthdays.remove("Ben", by=ADMIN)
    for name in ("zoe", "Ben", "Missing"):
        with pytest.raises(BirthdayNotFound):
            await birthdays.remove(name, by=ADMIN)
