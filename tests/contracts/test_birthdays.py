"""Birthdays by name, in memory and in PostgreSQL alike."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from jubilee.adapters.ids import new_id
from jubilee.domain.birthdays import Birth, Birthday, Saved, TooManyNames
from tests.contracts.birthday_rows import (
    BIRTH,
    LETTERS,
    MANY,
    OTHER,
    change,
    counted,
    find,
    put,
    register,
)
from tests.contracts.conftest import Database


async def test_what_is_put_is_found_by_its_key_alone(database: Database) -> None:
    assert await put(database, "Zoë")
    assert await find(database, "zoë") == BIRTH
    assert await find(database, "zoe") is None


async def test_putting_again_overwrites_all_of_it_or_nothing(database: Database) -> None:
    await put(database, "Zoe")
    assert not await put(database, "ZOE", OTHER, overwrite=False)
    assert await find(database, "zoe") == BIRTH
    assert await put(database, "ZOE", OTHER)
    assert await find(database, "zoe") == OTHER
    assert await counted(database) == 1


async def test_what_was_saved_before_is_returned(database: Database) -> None:
    assert await put(database, "Zoe") == Saved()
    assert await put(database, "ZOE", OTHER) == Saved(BIRTH.date)
    assert await put(database, "Zoe") == Saved(OTHER.date)


async def overtaken(database: Database) -> Saved | None:
    """Save a name while another transaction saves OTHER under it."""
    async with database.write() as tx:
        first = Birthday(id=new_id(), name="Zoe", birth=OTHER)
        await tx.birthdays.put(first, overwrite=True, max_anonymous=MANY)
        later = asyncio.create_task(put(database, "Zoe"))
        await asyncio.sleep(0.1)
        assert not later.done()
    return await later


async def test_what_another_transaction_has_just_saved_is_returned(database: Database) -> None:
    await put(database, "Zoe")
    assert await overtaken(database) == Saved(OTHER.date)


async def test_a_name_that_is_created_meanwhile_is_known_or_said_to_be_uncertain(
    database: Database,
) -> None:
    saved = await overtaken(database)
    assert saved is not None
    assert saved.replaced == OTHER.date or not saved.is_certain


async def test_new_names_are_limited_and_known_ones_are_not(database: Database) -> None:
    await put(database, "Zoe", most=1)
    with pytest.raises(TooManyNames):
        await put(database, "Ben", most=1)
    assert await find(database, "ben") is None
    assert await put(database, "Zoe", OTHER, most=1)


async def test_a_removed_name_makes_room_for_another(database: Database) -> None:
    await put(database, "Zoe", most=1)
    async with database.write() as tx:
        await tx.birthdays.remove((await tx.birthdays.lock("zoe")).id)
    assert await find(database, "zoe") is None
    assert await put(database, "Ben", most=1)


async def test_a_name_that_is_removed_twice_makes_room_for_one_other(database: Database) -> None:
    await put(database, "Zoe")
    await put(database, "Ben")
    async with database.write() as tx:
        known = await tx.birthdays.lock("zoe")
        await tx.birthdays.remove(known.id)
        await tx.birthdays.remove(known.id)
    async with database.write() as tx:
        await tx.birthdays.remove(known.id)
    assert await counted(database) == 1


async def test_of_parallel_removals_of_a_name_one_makes_room(database: Database) -> None:
    await put(database, "Zoe")
    await put(database, "Ben")
    async with database.read() as view:
        known = await view.birthdays.lock("zoe")

    async def remove() -> None:
        async with database.write() as tx:
            await tx.birthdays.remove(known.id)

    await asyncio.gather(*(remove() for _ in range(4)))
    assert await counted(database) == 1


async def test_the_birthday_of_an_account_is_not_removed_by_its_id(database: Database) -> None:
    await put(database, "Ben")
    await register(database, "zoe", date_of_birth=BIRTH.date)
    async with database.write() as tx:
        await tx.birthdays.remove((await tx.birthdays.lock("zoe")).id)
    assert await find(database, "zoe") is not None
    assert await counted(database) == 1


async def test_a_strangers_name_can_be_locked_and_belongs_to_nobody(database: Database) -> None:
    await put(database, "Zoe")
    async with database.write() as tx:
        known = await tx.birthdays.lock("zoe")
        assert await tx.birthdays.lock("ben") is None
    assert (known.name, known.user_id, known.birth) == ("Zoe", None, BIRTH)


async def test_an_accounts_name_cannot_be_put_even_while_it_has_no_birthday(
    database: Database,
) -> None:
    zoe = await register(database, "zoe")
    assert not await put(database, "Zoe")
    assert await find(database, "zoe") is None
    async with database.write() as tx:
        known = await tx.birthdays.lock("zoe")
    assert (known.user_id, known.birth) == (zoe.id, None)
    assert await counted(database) == 0


@pytest.mark.parametrize("birth", [OTHER, None])
async def test_what_is_changed_by_name_is_changed_in_the_account(
    database: Database, birth: Birth | None
) -> None:
    zoe = await register(database, "zoe", date_of_birth=BIRTH.date, time_zone=BIRTH.time_zone)
    await change(database, "zoe", birth)
    async with database.read() as view:
        account = await view.users.get(zoe.id)
    assert account.date_of_birth == (birth and birth.date)
    assert account.time_zone is None


async def test_a_change_by_name_touches_the_account(database: Database) -> None:
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    zoe = replace(await register(database, "zoe"), updated_at=long_ago)
    async with database.write() as tx:
        await tx.users.save(zoe)
    await change(database, "zoe", OTHER)
    async with database.read() as view:
        after = await view.users.get(zoe.id)
    assert after.updated_at > long_ago


async def test_an_account_takes_the_name_and_what_strangers_saved_is_gone(
    database: Database,
) -> None:
    await put(database, "Zoe")
    await put(database, "Ben")
    await register(database, "zoe", date_of_birth=OTHER.date)
    assert await find(database, "zoe") == OTHER
    assert await counted(database) == 1


async def test_a_renamed_account_takes_its_birthday_along(database: Database) -> None:
    zoe = await register(database, "zoe", date_of_birth=OTHER.date)
    await put(database, "Ben")
    async with database.write() as tx:
        await tx.users.save(replace(zoe, username="ben"))
    assert (await find(database, "zoe"), await find(database, "ben")) == (None, OTHER)
    assert await put(database, "Zoe")
    assert await counted(database) == 1


async def test_an_account_that_goes_takes_its_birthday_along(database: Database) -> None:
    zoe = await register(database, "zoe", date_of_birth=OTHER.date)
    async with database.write() as tx:
        await tx.users.delete(zoe.id)
    assert await find(database, "zoe") is None
    assert await put(database, "Zoe", most=1)


async def test_a_username_that_cannot_be_greeted_is_nobodys_name(database: Database) -> None:
    await register(database, "zoe.99", date_of_birth=OTHER.date)
    assert await find(database, "zoe.99") is None


async def test_of_many_who_save_a_new_name_at_once_one_makes_the_row(database: Database) -> None:
    done = await asyncio.gather(*(put(database, "Zoe") for _ in range(8)))
    assert all(done)
    assert await counted(database) == 1


async def test_of_many_who_save_at_once_only_so_many_find_room(database: Database) -> None:
    attempts = [put(database, f"Zoe{letter}", most=3) for letter in LETTERS]
    done = await asyncio.gather(*attempts, return_exceptions=True)
    assert done.count(Saved()) == 3
    assert await counted(database) == 3


async def test_accounts_and_strangers_who_want_a_name_at_once_agree(database: Database) -> None:
    def both(name: str) -> list[Any]:
        return [register(database, name, date_of_birth=OTHER.date), put(database, name)]

    names = [f"zoe{letter}" for letter in LETTERS]
    await asyncio.gather(*(attempt for name in names for attempt in both(name)))
    assert [await find(database, name) for name in names] == [OTHER] * len(names)
    assert await counted(database) == 0


async def test_saving_an_account_keeps_what_was_saved_by_name_meanwhile(
    database: Database,
) -> None:
    zoe = await register(database, "zoe", date_of_birth=BIRTH.date)
    locked, go_on = asyncio.Event(), asyncio.Event()

    async def by_name() -> None:
        async with database.write() as tx:
            known = await tx.birthdays.lock("zoe")
            await tx.birthdays.change(known.id, OTHER)
            locked.set()
            await go_on.wait()

    async def by_account() -> None:
        await locked.wait()
        asyncio.get_running_loop().call_later(0.1, go_on.set)
        async with database.write() as tx:
            now = await tx.users.get(zoe.id, lock=True)
            await tx.users.save(replace(now, full_name="Zoe Quill"))

    await asyncio.gather(by_name(), by_account())
    assert await find(database, "zoe") == OTHER
