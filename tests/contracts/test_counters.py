"""Each counter of the table is changed by its own statements alone."""

from collections.abc import Mapping
from typing import Any

from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.domain.birthday import Birthday
from jubilee.domain.events import ItemCreated
from tests.contracts.birthday_rows import BIRTH, NOW
from tests.contracts.test_event_relay import ITEM, SUBSCRIBERS, Outbox


async def changes(driver: Any, before: Mapping[str, int]) -> Mapping[str, int]:
    rows = await driver.fetch("SELECT name, value FROM counters")
    return {row["name"]: row["value"] - before.get(row["name"], 0) for row in rows}


async def test_a_counter_counts_what_it_is_named_for(pool: ConnectionPool) -> None:
    outbox = Outbox(pool, SUBSCRIBERS)
    async with pool.connection() as driver:
        before = await changes(driver, {})
        unchanged = dict.fromkeys(before, 0)
        await outbox.add(ItemCreated, ItemCreated)
        assert await outbox.relay.publish(limit=9) == 2
        assert await changes(driver, before) == {**unchanged, "events_published": 2}
        async with outbox.write() as tx:
            known = Birthday(id=ITEM, name="Zoe", birth=BIRTH)
            await tx.birthdays.put(known, overwrite=True, max_anonymous=9)
        unchanged["events_published"] = 2
        assert await changes(driver, before) == {**unchanged, "anonymous_birthdays": 1}
        async with outbox.write() as tx:
            await tx.birthdays.remove(ITEM)
            await tx.greetings.set_planned_until(NOW)
        assert await changes(driver, before) == {
            **unchanged,
            "greetings_planned_until": int(NOW.timestamp()),
        }
