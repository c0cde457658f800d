"""The outbox is emptied: one job a subscriber, in order, however many relays there are."""

import asyncio
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select, text

from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.event_relay import PostgresEventRelay
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.statement import Executor, Statement
from jubilee.adapters.postgres.tables import events, jobs
from jubilee.adapters.postgres.transaction import WriteContext, transactions
from jubilee.domain.events import ItemCreated, ItemDeleted, ItemUpdated
from jubilee.domain.identity import UserId
from jubilee.domain.jobs.store import Dispatch
from jubilee.observation.storage import NoPoolObserver, StatementInfo
from tests.fakes.store import FakeClock

JOBS = Statement(select(jobs).order_by(jobs.c.id))
EVENTS = Statement(select(events).order_by(events.c.id))
UNPUBLISHED = Statement(select(events.c.id).where(events.c.published_at.is_(None)))
AGE = Statement(text("UPDATE events SET published_at = published_at - interval '8 days'"))
ITEM, OWNER = new_id(), UserId(new_id())
WAIT_S = 2.0
TELL = {"ItemCreated": ("index.item", "tell.owner"), "ItemDeleted": ("index.item",)}


class CountingObserver(NoPoolObserver):
    """Counts the statements."""

    def __init__(self) -> None:
        self.count = 0

    def executed(
        self, statement: StatementInfo, seconds: float, error: BaseException | None
    ) -> None:
        self.count += 1


class World:
    """Events in a database, and a relay that empties them."""

    def __init__(self, pool: ConnectionPool, subscribers: Mapping[str, tuple[str, ...]]) -> None:
        self.pool = pool
        self.announced: list[Dispatch] = []
        write_context = WriteContext(
            FakeClock(),
            new_id,
            lambda: "request-1",
            self.announced.extend,
            subscribers=subscribers,
        )
        self.write = transactions(pool, write_context)
        self.relay = PostgresEventRelay(self.write, new_id, subscribers)

    async def happen(self, *kinds: type[ItemCreated | ItemUpdated | ItemDeleted]) -> None:
        async with self.write() as tx:
            await tx.events.add(*(kind(item_id=ITEM, owner_id=OWNER) for kind in kinds))

    async def rows(self, statement: Statement) -> list[Any]:
        async with self.pool.connection() as driver:
            return await Executor(driver).all(statement)


async def test_each_subscriber_gets_one_job_an_event(pool: ConnectionPool) -> None:
    world = World(pool, TELL)
    await world.happen(ItemCreated, ItemUpdated, ItemDeleted)
    assert [await world.relay.publish(limit=9) for _ in range(2)] == [2, 0]
    found = await world.rows(JOBS)
    heard = [(job["kind"], job["data"]["event"]) for job in found]
    assert heard == [
        ("index.item", "ItemCreated"),
        ("tell.owner", "ItemCreated"),
        ("index.item", "ItemDeleted"),
    ]
    event_id = found[0]["data"]["event_id"]
    assert found[0]["key"] == f"event:{event_id}:index.item"
    assert found[0]["data"]["data"] == {"item_id": str(ITEM), "owner_id": str(OWNER)}
    assert found[0]["correlation_id"] == "request-1"
    assert {one.reference.id for one in world.announced} == {job["id"] for job in found}


async def test_an_event_without_a_subscriber_is_not_written(pool: ConnectionPool) -> None:
    world = World(pool, TELL)
    await world.happen(ItemUpdated)
    assert await world.rows(EVENTS) == []
    await world.happen(ItemUpdated, ItemCreated)
    assert [row["kind"] for row in await world.rows(EVENTS)] == ["ItemCreated"]


async def test_without_subscribers_neither_writer_nor_relay_sends_a_statement(
    database_url: str,
) -> None:
    observer = CountingObserver()
    pool = ConnectionPool(database_url, size=1, timeout=10, observer=observer)
    world = World(pool, {})
    async with world.write() as tx:
        before = observer.count
        await tx.events.add(ItemUpdated(item_id=ITEM, owner_id=OWNER))
        assert observer.count == before
    before = observer.count
    assert await world.relay.publish(limit=3) == 0
    assert observer.count == before
    await pool.close()


async def test_many_relays_keep_the_order_and_double_nothing(pool: ConnectionPool) -> None:
    world = World(pool, TELL)
    for _ in range(40):
        await world.happen(ItemCreated, ItemDeleted)

    async def empty() -> None:
        while await world.rows(UNPUBLISHED):
            await world.relay.publish(limit=7)

    await asyncio.gather(*(empty() for _ in range(4)))
    told = [job["data"]["event_id"] for job in await world.rows(JOBS)]
    assert len(told) == 40 * 3
    assert told == sorted(told)


async def test_published_events_leave_in_time(pool: ConnectionPool) -> None:
    world = World(pool, TELL)
    await world.happen(*[ItemCreated] * 4)
    await world.relay.publish(limit=9)
    assert await world.relay.prune(days=7, limit=9) == 0
    await world.rows(AGE)
    await world.happen(ItemCreated)
    assert [await world.relay.prune(days=7, limit=3) for _ in range(3)] == [3, 1, 0]
    assert len(await world.rows(UNPUBLISHED)) == 1


async def test_published_events_that_another_transaction_holds_are_not_waited_for(
    pool: ConnectionPool,
) -> None:
    world = World(pool, TELL)
    await world.happen(*[ItemCreated] * 2)
    await world.relay.publish(limit=9)
    await world.rows(AGE)
    async with pool.connection() as driver, driver.transaction():
        held = await driver.fetchval("SELECT id FROM events ORDER BY id LIMIT 1 FOR UPDATE")
        assert await asyncio.wait_for(world.relay.prune(days=7, limit=9), WAIT_S) == 1
    async with pool.connection() as driver:
        assert await driver.fetchval("SELECT id FROM events") == held


async def test_a_fact_that_commits_late_is_not_passed_over(pool: ConnectionPool) -> None:
    world = World(pool, TELL)
    async with world.write() as late:
        await late.events.add(ItemDeleted(item_id=ITEM, owner_id=OWNER))
        await world.happen(ItemCreated)  # a later id, an earlier commit
        assert await world.relay.publish(limit=9) == 1
    assert await world.relay.publish(limit=9) == 1
    told = [job["data"]["event"] for job in await world.rows(JOBS)]
    assert told == ["ItemCreated", "ItemCreated", "ItemDeleted"]
    assert await world.rows(UNPUBLISHED) == []


async def test_the_oldest_event_is_published_first_wherever_its_row_lies(
    pool: ConnectionPool,
) -> None:
    world = World(pool, TELL)
    await world.happen(*[ItemCreated] * 3)
    async with pool.connection() as driver:
        ids = [row["id"] for row in await driver.fetch("SELECT id FROM events ORDER BY id")]
        # A row that is written again lies behind the others.
        await driver.execute("UPDATE events SET kind = kind WHERE id = $1", ids[0])
        await driver.execute("SET enable_indexscan = off; SET enable_bitmapscan = off")
    assert await world.relay.publish(limit=1) == 1
    assert {row["id"] for row in await world.rows(UNPUBLISHED)} == set(ids[1:])
