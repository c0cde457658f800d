"""The event relay: one job per subscriber, in order, with any number of relays."""

import asyncio
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.core_statement import core_statement
from jubilee.adapters.postgres.event_relay import PostgresEventRelay
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.statement import Executor, Statement
from jubilee.adapters.postgres.tables import events, jobs
from jubilee.adapters.postgres.transaction import transactions
from jubilee.adapters.postgres.write_context import WriteContext
from jubilee.domain.events import ItemCreated, ItemDeleted, ItemUpdated
from jubilee.domain.identity import UserId
from jubilee.domain.jobs.store import Dispatch
from jubilee.observation.storage import NoPoolObserver, StatementInfo
from tests.fakes.store import FakeClock

JOBS = core_statement(select(jobs).order_by(jobs.c.id))
EVENTS = core_statement(select(events).order_by(events.c.id))
UNPUBLISHED = core_statement(select(events.c.id).where(events.c.published_at.is_(None)))
MAKE_OLD = Statement.from_sql("UPDATE events SET published_at = published_at - interval '8 days'")
ITEM, OWNER = new_id(), UserId(new_id())
WAIT_S = 30.0
SUBSCRIBERS = {"ItemCreated": ("index.item", "notify.owner"), "ItemDeleted": ("index.item",)}


class CountingObserver(NoPoolObserver):
    """Count the statements."""

    def __init__(self) -> None:
        self.count = 0

    def executed(
        self, statement: StatementInfo, seconds: float, error: BaseException | None
    ) -> None:
        self.count += 1


class Outbox:
    """Events in a database, and their relay."""

    def __init__(self, pool: ConnectionPool, subscribers: Mapping[str, tuple[str, ...]]) -> None:
        self.pool = pool
        self.dispatched: list[Dispatch] = []
        write_context = WriteContext(
            FakeClock(),
            new_id,
            lambda: "request-1",
            self.dispatched.extend,
            subscribers=subscribers,
        )
        self.write = transactions(pool, write_context)
        self.relay = PostgresEventRelay(self.write, new_id, subscribers)

    async def add(self, *kinds: type[ItemCreated | ItemUpdated | ItemDeleted]) -> None:
        async with self.write() as tx:
            await tx.events.add(*(kind(item_id=ITEM, owner_id=OWNER) for kind in kinds))

    async def rows(self, statement: Statement) -> list[Any]:
        async with self.pool.connection() as driver:
            return await Executor(driver).all(statement)


async def test_each_subscriber_gets_one_job_per_event(pool: ConnectionPool) -> None:
    outbox = Outbox(pool, SUBSCRIBERS)
    await outbox.add(ItemCreated, ItemUpdated, ItemDeleted)
    assert [await outbox.relay.publish(limit=9) for _ in range(2)] == [2, 0]
    found = await outbox.rows(JOBS)
    created = [(job["kind"], job["data"]["event"]) for job in found]
    assert created == [
        ("index.item", "ItemCreated"),
        ("notify.owner", "ItemCreated"),
        ("index.item", "ItemDeleted"),
    ]
    event_id = found[0]["data"]["event_id"]
    assert found[0]["key"] == f"event:{event_id}:index.item"
    assert found[0]["data"]["data"] == {"item_id": str(ITEM), "owner_id": str(OWNER)}
    assert found[0]["correlation_id"] == "request-1"
    assert {one.reference.id for one in outbox.dispatched} == {job["id"] for job in found}


async def test_an_event_without_a_subscriber_is_not_written(pool: ConnectionPool) -> None:
    outbox = Outbox(pool, SUBSCRIBERS)
    await outbox.add(ItemUpdated)
    assert await outbox.rows(EVENTS) == []
    await outbox.add(ItemUpdated, ItemCreated)
    assert [row["kind"] for row in await outbox.rows(EVENTS)] == ["ItemCreated"]


async def test_without_subscribers_neither_writer_nor_relay_sends_a_statement(
    database_url: str,
) -> None:
    observer = CountingObserver()
    pool = ConnectionPool(database_url, size=1, timeout=60, observer=observer)
    outbox = Outbox(pool, {})
    async with outbox.write() as tx:
        before = observer.count
        await tx.events.add(ItemUpdated(item_id=ITEM, owner_id=OWNER))
        assert observer.count == before
    before = observer.count
    assert await outbox.relay.publish(limit=3) == 0
    assert observer.count == before
    await pool.close()


async def test_parallel_relays_keep_the_order_and_duplicate_nothing(pool: ConnectionPool) -> None:
    outbox = Outbox(pool, SUBSCRIBERS)
    for _ in range(40):
        await outbox.add(ItemCreated, ItemDeleted)

    async def publish_all() -> None:
        while await outbox.rows(UNPUBLISHED):
            await outbox.relay.publish(limit=7)

    await asyncio.gather(*(publish_all() for _ in range(4)))
    event_ids = [job["data"]["event_id"] for job in await outbox.rows(JOBS)]
    assert len(event_ids) == 40 * 3
    assert event_ids == sorted(event_ids)


async def test_published_events_are_pruned_after_the_retention(pool: ConnectionPool) -> None:
    outbox = Outbox(pool, SUBSCRIBERS)
    await outbox.add(*[ItemCreated] * 4)
    await outbox.relay.publish(limit=9)
    assert await outbox.relay.prune(days=7, limit=9) == 0
    await outbox.rows(MAKE_OLD)
    await outbox.add(ItemCreated)
    assert [await outbox.relay.prune(days=7, limit=3) for _ in range(3)] == [3, 1, 0]
    assert len(await outbox.rows(UNPUBLISHED)) == 1


async def test_pruning_skips_locked_events(
    pool: ConnectionPool,
) -> None:
    outbox = Outbox(pool, SUBSCRIBERS)
    await outbox.add(*[ItemCreated] * 2)
    await outbox.relay.publish(limit=9)
    await outbox.rows(MAKE_OLD)
    async with pool.connection() as driver, driver.transaction():
        locked = await driver.fetchval("SELECT id FROM events ORDER BY id LIMIT 1 FOR UPDATE")
        assert await asyncio.wait_for(outbox.relay.prune(days=7, limit=9), WAIT_S) == 1
    async with pool.connection() as driver:
        assert await driver.fetchval("SELECT id FROM events") == locked


async def test_an_event_that_commits_late_is_published(pool: ConnectionPool) -> None:
    outbox = Outbox(pool, SUBSCRIBERS)
    async with outbox.write() as late:
        await late.events.add(ItemDeleted(item_id=ITEM, owner_id=OWNER))
        await outbox.add(ItemCreated)  # a later id, an earlier commit
        assert await outbox.relay.publish(limit=9) == 1
    assert await outbox.relay.publish(limit=9) == 1
    kinds = [job["data"]["event"] for job in await outbox.rows(JOBS)]
    assert kinds == ["ItemCreated", "ItemCreated", "ItemDeleted"]
    assert await outbox.rows(UNPUBLISHED) == []


async def test_events_are_published_by_id_and_not_by_storage_order(
    pool: ConnectionPool,
) -> None:
    outbox = Outbox(pool, SUBSCRIBERS)
    await outbox.add(*[ItemCreated] * 3)
    async with pool.connection() as driver:
        ids = [row["id"] for row in await driver.fetch("SELECT id FROM events ORDER BY id")]
        # A row that is written again lies behind the others.
        await driver.execute("UPDATE events SET kind = kind WHERE id = $1", ids[0])
        await driver.execute("SET enable_indexscan = off; SET enable_bitmapscan = off")
    assert await outbox.relay.publish(limit=1) == 1
    assert {row["id"] for row in await outbox.rows(UNPUBLISHED)} == set(ids[1:])
