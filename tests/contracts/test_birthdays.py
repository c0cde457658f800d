"""Birthdays by name, in memory and in PostgreSQL."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from jubilee.adapters.ids import new_id
from jubilee.domain.birthday import Birth, Birthday, Saved, TooManyNames
from tests.contracts.birthday_rows import (
    BIRTH,
    LETTERS,
    NO_LIMIT,
    OTHER_BIRTH,
    change,
    count_anonymous,
    find,
    put,
    register,
)
from tests.contracts.conftest import Database


async def test_a_birthday_is_found_only_by_its_key(database: Database) -> None:
    assert await put(database, "Zoë")
    assert await find(database, "zoë") == BIRTH
    assert await find(database, "zoe") is None


async def test_putting_a_known_name_overwrites_only_when_asked(database: Database) -> None:
    await put(database, "Zoe")
    assert not await put(database, "ZOE", OTHER_BIRTH, overwrite=False)
    assert await find(database, "zoe") == BIRTH
    assert await put(database, "ZOE", OTHER_BIRTH)
    assert await find(database, "zoe") == OTHER_BIRTH
    assert await count_anonymous(database) == 1


async def test_putting_returns_the_date_that_it_replaced(database: Database) -> None:
    assert await put(database, "Zoe") == Saved()
    assert await put(database, "ZOE", OTHER_BIRTH) == Saved(BIRTH.date)
    assert await put(database, "Zoe") == Saved(OTHER_BIRTH.date)


async def put_during_another_put(database: Database) -> Saved | None:
    """Save a name while another transaction saves OTHER_BIRTH under it."""
    async with database.write() as tx:
        first = Birthday(id=new_id(), name="Zoe", birth=OTHER_BIRTH)
        await tx.birthdays.put(first, overwrite=True, max_anonymous=NO_LIMIT)
        later = asyncio.create_task(put(database, "Zoe"))
        await asyncio.sleep(0.1)
        assert not later.done()
    return await later


async def test_putting_returns_the_date_that_another_transaction_just_saved(
    database: Database,
) -> None:
    await put(database, "Zoe")
    assert await put_during_another_put(database) == Saved(OTHER_BIRTH.date)


async def test_a_name_created_by_a_parallel_transaction_is_returned_or_reported_as_uncertain(
    database: Database,
) -> None:
    saved = await put_during_another_put(database)
    assert saved is not None
    assert saved.replaced == OTHER_BIRTH.date or not saved.is_certain


async def test_the_limit_applies_to_new_names_only(database: Database) -> None:
    await put(database, "Zoe", max_anonymous=1)
    with pytest.raises(TooManyNames):
        await put(database, "Ben", max_anonymous=1)
    assert await find(database, "ben") is None
    assert await put(database, "Zoe", OTHER_BIRTH, max_anonymous=1)


async def test_a_removed_name_no_longer_counts(database: Database) -> None:
    await put(database, "Zoe", max_anonymous=1)
    async with database.write() as tx:
        await tx.birthdays.remove((await tx.birthdays.lock("zoe")).id)
    assert await find(database, "zoe") is None
    assert await put(database, "Ben", max_anonymous=1)


async def test_removing_a_name_twice_counts_once(database: Database) -> None:
    await put(database, "Zoe")
    await put(database, "Ben")
    async with database.write() as tx:
        known = await tx.birthdays.lock("zoe")
        await tx.birthdays.remove(known.id)
        await tx.birthdays.remove(known.id)
    async with database.write() as tx:
        await tx.birthdays.remove(known.id)
    assert await count_anonymous(database) == 1


async def test_parallel_removals_of_a_name_count_once(database: Database) -> None:
    await put(database, "Zoe")
    await put(database, "Ben")
    async with database.read() as view:
        known = await view.birthdays.lock("zoe")

    async def remove() -> None:
        async with database.write() as tx:
            await tx.birthdays.remove(known.id)

    await asyncio.gather(*(remove() for _ in range(4)))
    assert await count_anonymous(database) == 1


async def test_removing_by_id_keeps_the_birthday_of_an_account(database: Database) -> None:
    await put(database, "Ben")
    await register(database, "zoe", date_of_birth=BIRTH.date)
    async with database.write() as tx:
        await tx.birthdays.remove((await tx.birthdays.lock("zoe")).id)
    assert await find(database, "zoe") is not None
    assert await count_anonymous(database) == 1


async def test_a_locked_anonymous_birthday_has_no_account(database: Database) -> None:
    await put(database, "Zoe")
    async with database.write() as tx:
        known = await tx.birthdays.lock("zoe")
        assert await tx.birthdays.lock("ben") is None
    assert (known.name, known.user_id, known.birth) == ("Zoe", None, BIRTH)


async def test_the_username_of_an_account_without_a_birthday_cannot_be_put(
    database: Database,
) -> None:
    zoe = await register(database, "zoe")
    assert not await put(database, "Zoe")
    assert await find(database, "zoe") is None
    async with database.write() as tx:
        known = await tx.birthdays.lock("zoe")
    assert (known.user_id, known.birth) == (zoe.id, None)
    assert await count_anonymous(database) == 0


@pytest.mark.parametrize("birth", [OTHER_BIRTH, None])
async def test_a_change_by_name_changes_the_account(
    database: Database, birth: Birth | None
) -> None:
    zoe = await register(database, "zoe", date_of_birth=BIRTH.date, time_zone=BIRTH.time_zone)
    await change(database, "zoe", birth)
    async with database.read() as view:
        account = await view.users.get(zoe.id)
    assert account.date_of_birth == (birth and birth.date)
    assert account.time_zone is None


async def test_a_change_by_name_updates_the_accounts_timestamp(database: Database) -> None:
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    zoe = replace(await register(database, "zoe"), updated_at=long_ago)
    async with database.write() as tx:
        await tx.users.save(zoe)
    await change(database, "zoe", OTHER_BIRTH)
    async with database.read() as view:
        after = await view.users.get(zoe.id)
    assert after.updated_at > long_ago


async def test_registering_a_username_replaces_the_anonymous_birthday(
    database: Database,
) -> None:
    await put(database, "Zoe")
    await put(database, "Ben")
    await register(database, "zoe", date_of_birth=OTHER_BIRTH.date)
    assert await find(database, "zoe") == OTHER_BIRTH
    assert await count_anonymous(database) == 1


async def test_a_renamed_account_keeps_its_birthday_under_the_new_name(database: Database) -> None:
    zoe = await register(database, "zoe", date_of_birth=OTHER_BIRTH.date)
    await put(database, "Ben")
    async with database.write() as tx:
        await tx.users.save(replace(zoe, username="ben"))
    assert (await find(database, "zoe"), await find(database, "ben")) == (None, OTHER_BIRTH)
    assert await put(database, "Zoe")
    assert await count_anonymous(database) == 1


async def test_deleting_an_account_deletes_its_birthday(database: Database) -> None:
    zoe = await register(database, "zoe", date_of_birth=OTHER_BIRTH.date)
    async with database.write() as tx:
        await tx.users.delete(zoe.id)
    assert await find(database, "zoe") is None
    assert await put(database, "Zoe", max_anonymous=1)


async def test_a_username_that_is_no_person_name_has_no_birthday(database: Database) -> None:
    await register(database, "zoe.99", date_of_birth=OTHER_BIRTH.date)
    assert await find(database, "zoe.99") is None


async def test_parallel_saves_of_a_new_name_make_one_row(database: Database) -> None:
    results = await asyncio.gather(*(put(database, "Zoe") for _ in range(8)))
    assert all(results)
    assert await count_anonymous(database) == 1


async def test_the_limit_holds_for_parallel_saves(database: Database) -> None:
    attempts = [put(database, f"Zoe{letter}", max_anonymous=3) for letter in LETTERS]
    results = await asyncio.gather(*attempts, return_exceptions=True)
    assert results.count(Saved()) == 3
    assert await count_anonymous(database) == 3


async def test_an_account_wins_over_a_parallel_anonymous_save(database: Database) -> None:
    def both(name: str) -> list[Any]:
        return [register(database, name, date_of_birth=OTHER_BIRTH.date), put(database, name)]

    names = [f"zoe{letter}" for letter in LETTERS]
    await asyncio.gather(*(attempt for name in names for attempt in both(name)))
    assert [await find(database, name) for name in names] == [OTHER_BIRTH] * len(names)
    assert await count_anonymous(database) == 0


async def test_saving_an_account_keeps_a_parallel_change_by_name(
    database: Database,
) -> None:
    zoe = await register(database, "zoe", date_of_birth=BIRTH.date)
    locked, go_on = asyncio.Event(), asyncio.Event()

    async def change_by_name() -> None:
        async with database.write() as tx:
            known = await tx.birthdays.lock("zoe")
            await tx.birthdays.change(known.id, OTHER_BIRTH)
            locked.set()
            await go_on.wait()

    async def change_account() -> None:
        await locked.wait()
        asyncio.get_running_loop().call_later(0.1, go_on.set)
        async with database.write() as tx:
            now = await tx.users.get(zoe.id, lock=True)
            await tx.users.save(replace(now, full_name="Zoe Quill"))

    await asyncio.gather(change_by_name(), change_account())
    assert await find(database, "zoe") == OTHER_BIRTH
