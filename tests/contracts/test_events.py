"""The event log, in memory and in PostgreSQL."""

from uuid import UUID

import pytest
from sqlalchemy import select

from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.core_statement import core_statement
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.statement import Executor
from jubilee.adapters.postgres.tables import events
from jubilee.adapters.postgres.transaction import PostgresTransaction
from jubilee.domain.events import ItemCreated, ItemDeleted, ItemEvent, ItemUpdated
from jubilee.domain.identity import UserId
from tests.contracts.accounts import ForcedRollback, roll_back_after
from tests.contracts.conftest import Database
from tests.fakes.store import START

ALL = core_statement(select(events).order_by(events.c.id))
KINDS = {kind.__name__: kind for kind in (ItemCreated, ItemUpdated, ItemDeleted)}
ITEM, OWNER = new_id(), UserId(new_id())


def make_events(*kinds: type[ItemEvent]) -> list[ItemEvent]:
    return [kind(item_id=ITEM, owner_id=OWNER) for kind in kinds]


async def read_events(database: Database) -> list[ItemEvent]:
    """What make_events, in its order."""
    async with database.read() as view:
        if not isinstance(view, PostgresTransaction):
            return list(view.events.rows)
        rows = await view.executor.all(ALL)
    read = [(KINDS[row["kind"]], row["data"]) for row in rows]
    return [
        kind(item_id=UUID(data["item_id"]), owner_id=UserId(UUID(data["owner_id"])))
        for kind, data in read
    ]


async def test_events_are_stored_in_order(database: Database) -> None:
    added = make_events(ItemCreated, ItemUpdated, ItemUpdated, ItemDeleted)
    async with database.write() as tx:
        await tx.events.add(added[0])
    async with database.write() as tx:
        await tx.events.add(*added[1:])
        await tx.events.add()
    assert await read_events(database) == added


async def test_a_rolled_back_transaction_stores_no_event(database: Database) -> None:
    with pytest.raises(ForcedRollback):
        await roll_back_after(database, lambda tx: tx.events.add(*make_events(ItemCreated)))
    assert await read_events(database) == []


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
async def test_a_new_event_is_unpublished(database: Database, pool: ConnectionPool) -> None:
    async with database.write() as tx:
        await tx.events.add(*make_events(ItemCreated))
    async with pool.connection() as driver:
        row = await Executor(driver).first(ALL)
    assert row is not None
    assert (row["kind"], row["published_at"]) == ("ItemCreated", None)
    assert (row["occurred_at"], row["correlation_id"]) == (START, "request-1")
