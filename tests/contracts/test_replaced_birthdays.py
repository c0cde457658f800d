"""Birthdays that are saved over known names: alone, together, and beside transactions."""

import asyncio

import pytest

from jubilee.adapters.postgres import birthdays
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.domain.birthday import Birth, Saved
from tests.contracts.birthday_rows import (
    BIRTH,
    OTHER_BIRTH,
    birthday_service,
    find,
    put,
    register,
)
from tests.contracts.conftest import Database
from tests.contracts.test_item_queries import indexes, plan

NAMES = ("Zoe", "Ben", "Ada")
ON_POSTGRES = pytest.mark.parametrize("database", ["postgres"], indirect=True)


async def replace(database: Database, name: str, birth: Birth = OTHER_BIRTH) -> Saved | None:
    async with database.read() as view:
        found: Saved | None = await view.birthdays.replace(name, birth)
        return found


async def test_the_birthday_of_a_known_name_is_replaced(database: Database) -> None:
    await put(database, "Zoe")
    assert await replace(database, "ZOE") == Saved(BIRTH.date)
    assert await find(database, "zoe") == OTHER_BIRTH


async def test_replacing_adds_no_name(database: Database) -> None:
    assert await replace(database, "Zoe") is None
    assert await find(database, "zoe") is None


async def test_replacing_leaves_the_birthday_of_an_account(database: Database) -> None:
    await register(database, "zoe", date_of_birth=BIRTH.date)
    assert await replace(database, "Zoe") is None
    assert await find(database, "zoe") == Birth(BIRTH.date)


async def test_concurrent_callers_save_each_its_own_birthday(database: Database) -> None:
    await put(database, "Zoe")
    await put(database, "Ben", OTHER_BIRTH)
    found = await asyncio.gather(
        replace(database, "Zoe", OTHER_BIRTH),
        replace(database, "Ben", BIRTH),
        replace(database, "Ada", BIRTH),
    )
    assert tuple(found) == (Saved(BIRTH.date), Saved(OTHER_BIRTH.date), None)
    assert [await find(database, name.lower()) for name in NAMES] == [OTHER_BIRTH, BIRTH, None]


async def test_of_concurrent_saves_under_one_name_one_remains(database: Database) -> None:
    await put(database, "Zoe")
    births = [Birth(BIRTH.date.replace(year=year)) for year in range(1990, 1998)]
    saved = await asyncio.gather(*(replace(database, "Zoe", birth) for birth in births))
    assert all(saved)
    assert await find(database, "zoe") in births


@ON_POSTGRES
async def test_replacing_waits_for_no_transaction(database: Database) -> None:
    await put(database, "Zoe")
    await put(database, "Ben")
    async with database.write() as tx:
        await tx.birthdays.lock("zoe")
        found = await asyncio.gather(replace(database, "Zoe"), replace(database, "Ben"))
    assert tuple(found) == (None, Saved(BIRTH.date))


@ON_POSTGRES
async def test_a_birthday_that_a_transaction_writes_is_saved_after_it(database: Database) -> None:
    await put(database, "Zoe")
    async with database.write() as tx:
        await tx.birthdays.change((await tx.birthdays.lock("zoe")).id, None)
        saving = asyncio.create_task(birthday_service(database).save("Zoe", OTHER_BIRTH, by=None))
        await asyncio.sleep(0.05)
        assert not saving.done()
    await saving
    assert await find(database, "zoe") == OTHER_BIRTH


@ON_POSTGRES
async def test_a_name_that_postgresql_refuses_keeps_no_other_from_being_saved(
    database: Database,
) -> None:
    await put(database, "Zoe")
    refused, _ = await asyncio.gather(
        replace(database, "Z\0"), birthday_service(database).save("Zoe", OTHER_BIRTH, by=None)
    )
    assert refused is None
    assert await find(database, "zoe") == OTHER_BIRTH


async def test_known_names_are_found_by_their_index(pool: ConnectionPool) -> None:
    async with pool.connection() as driver:
        await driver.execute(
            """INSERT INTO birthdays (id, name, name_key, created_at, updated_at)
            SELECT gen_random_uuid(), n, n, now(), now() FROM generate_series(1, 5000) AS n"""
        )
        await driver.execute("ANALYZE birthdays")
    names = ["1", "2", "3"]
    dates, zones = [BIRTH.date] * 3, [None] * 3
    values = {"keys": names, "name": names, "date_of_birth": dates, "time_zone": zones}
    nodes = await plan(pool, birthdays.REPLACE, **values)
    assert indexes(nodes) == {"uq_birthdays_name_key", "pk_birthdays"}
    assert "Seq Scan" not in {node["Node Type"] for node in nodes}
