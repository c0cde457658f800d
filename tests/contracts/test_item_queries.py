"""Items in PostgreSQL only: plans, owners that are deleted, and events."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any, get_args

import pytest

from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres import items
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.statement import Statement
from jubilee.domain.auth.tokens import InvalidToken
from jubilee.domain.identity import Principal, SessionId, UserId
from jubilee.domain.items import ItemService, ItemSort
from tests.contracts.accounts import MANY_USERS
from tests.contracts.conftest import Database

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
SORTS: tuple[ItemSort, ...] = get_args(ItemSort)
# By whether the list is one owner's, and what it is sorted by.
ORDERS = {
    (False, "created_at"): "ix_items_created_at_id",
    (False, "updated_at"): "ix_items_updated_at_id",
    (False, "title"): "ix_items_title_id",
    (True, "created_at"): "ix_items_owner_id_is_active_created_at_id",
    (True, "updated_at"): "ix_items_owner_id_updated_at_id",
    (True, "title"): "ix_items_owner_id_title_id",
}
# Every second item of an owner was deleted.
ITEMS = """
    INSERT INTO items
    SELECT gen_random_uuid(), users.id, 'Light ' || n, NULL, n % 2 = 0, 1,
           moment - n * interval '1 s', moment - n * interval '1 s'
    FROM users, generate_series(1, 200) AS n, CAST('2026-11-20 09:00Z' AS timestamptz) AS moment
"""


@pytest.fixture
async def owner(pool: ConnectionPool) -> UserId:
    """One of 20 owners with 200 items each."""
    async with pool.connection() as driver:
        await driver.execute(MANY_USERS, 20)
        for sql in (ITEMS, "ANALYZE", "SET enable_seqscan = off"):
            await driver.execute(sql)
        return UserId(await driver.fetchval("SELECT id FROM users LIMIT 1"))


async def plan(pool: ConnectionPool, statement: Statement, **values: object) -> list[Any]:
    """Return the nodes of the plan, from the top down."""
    async with pool.connection() as driver:
        sql = f"EXPLAIN (FORMAT JSON) {statement.sql}"
        [top] = await driver.fetchval(sql, *statement.arguments(values))
    return list(nodes_of(top["Plan"]))


def nodes_of(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for inner in node.get("Plans", ()):
        yield from nodes_of(inner)


def indexes(nodes: list[Any]) -> set[str]:
    return {node["Index Name"] for node in nodes if "Index Name" in node}


def page_values(sort: ItemSort, owner: UserId) -> dict[str, object]:
    last = "Light 5" if sort.endswith("title") else NOW - timedelta(seconds=100)
    return {"owner": owner, "rows": 21, "last": last, "last_id": new_id()}


async def test_every_list_reads_the_index_of_its_order(pool: ConnectionPool, owner: UserId) -> None:
    async with pool.connection() as driver:
        await driver.execute("SET enable_sort = off")  # so few rows are sorted as quickly
    for sort, owned, continued in product(SORTS, (False, True), (False, True)):
        statement = items.page_statement(sort, owned=owned, looks=None, continued=continued)
        nodes = await plan(pool, statement, **page_values(sort, owner))
        assert indexes(nodes) == {ORDERS[owned, sort.removeprefix("-")]}, statement.sql
        assert not [node for node in nodes if "Filter" in node or "Sort" in node["Node Type"]]


async def test_one_item_is_found_by_its_key(pool: ConnectionPool, owner: UserId) -> None:
    values = {"title": "x", "description": None, "is_active": True, "version": 2}
    for statement in (items.GET, items.LOCK, items.SAVE):
        item_id = new_id()
        nodes = await plan(
            pool, statement, item_id=item_id, keys=[item_id], updated_at=NOW, **values
        )
        assert indexes(nodes) == {"pk_items"}, statement.sql


async def test_all_items_of_an_owner_are_found_by_an_index(
    pool: ConnectionPool, owner: UserId
) -> None:
    nodes = await plan(pool, items.DELETE_OF, owner=owner)
    assert indexes(nodes) == {"ix_items_owner_id_is_active_created_at_id"}


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
async def test_creating_an_item_for_a_deleted_account_is_refused(database: Database) -> None:
    service = ItemService(database.write, database.read, database.read, lambda: NOW, new_id)
    with pytest.raises(InvalidToken):
        await service.create("Late", None, by=Principal(UserId(new_id()), SessionId(new_id())))


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
async def test_each_change_of_an_item_writes_one_event(
    database: Database, pool: ConnectionPool, owner: UserId
) -> None:
    service = ItemService(database.write, database.read, database.read, lambda: NOW, new_id)
    by = Principal(owner, SessionId(new_id()))
    item = await service.create("New", None, by=by)
    await service.change(item.id, {"title": "Newer"}, by=by)
    await service.change(item.id, {"title": "Newer"}, by=by)
    await service.delete(item.id, by=by)
    async with pool.connection() as driver:
        rows = await driver.fetch("SELECT kind, data->>'item_id' AS item FROM events ORDER BY id")
    kinds = ["ItemCreated", "ItemUpdated", "ItemDeleted"]
    assert [tuple(row) for row in rows] == [(kind, str(item.id)) for kind in kinds]
