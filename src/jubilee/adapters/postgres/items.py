"""Items; a deleted item stays as an inactive row, which no query here returns."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Integer,
    bindparam,
    delete,
    insert,
    literal_column,
    select,
    update,
)

from jubilee.adapters.postgres.core_statement import core_statement, keyed_statement
from jubilee.adapters.postgres.keyset import is_after, last_key, page
from jubilee.adapters.postgres.search import Looks, first_found, query
from jubilee.adapters.postgres.statement import Executor, Statement
from jubilee.adapters.postgres.tables import ITEM_TEXT, items
from jubilee.domain.identity import UserId
from jubilee.domain.items import (
    Item,
    ItemFilter,
    ItemNotFound,
    ItemRepository,
    ItemSort,
)
from jubilee.domain.owned_rows import OwnedItemStore
from jubilee.domain.paging import Page, Position

ACTIVE: ColumnElement[bool] = items.c.is_active
ROWS = select(*(items.c[name] for name in Item._fields))
ACTIVE_ITEMS = ROWS.where(ACTIVE)
BY_ID = items.c.id == bindparam("item_id", type_=items.c.id.type)
OWN = items.c.owner_id == bindparam("owner", type_=items.c.owner_id.type)

GET = keyed_statement(ACTIVE_ITEMS, key=items.c.id)
LOCK = core_statement(ACTIVE_ITEMS.where(BY_ID).with_for_update())
ADD = core_statement(insert(items))
COLUMNS = ["title", "description", "is_active", "version", "updated_at"]
SAVE = core_statement(
    update(items).where(BY_ID),
    columns=COLUMNS,
)
DELETE_OF = core_statement(delete(items).where(OWN).returning(items.c.id, items.c.is_active))
MOVE = core_statement(
    update(items)
    .where(OWN)
    .values(
        owner_id=bindparam("to", type_=items.c.owner_id.type),
        version=items.c.version + literal_column("1"),
        updated_at=bindparam("at", type_=items.c.updated_at.type),
    )
    .returning(items.c.id, items.c.is_active)
)

PAGE_STATEMENTS = 72  # six orders, with or without an owner and a position; three kinds of search


@lru_cache(maxsize=PAGE_STATEMENTS)
def page_statement(
    sort: ItemSort, *, owned: bool, looks: Looks | None, continued: bool
) -> Statement:
    """Statement of a page in this order; binds `rows`, `owner`, `last`, `last_id`, and a query."""
    column, falling = items.c[_field(sort)], sort.startswith("-")
    chosen: list[ColumnElement[bool]] = [ACTIVE, OWN] if owned else [ACTIVE]
    if continued:
        chosen.append(is_after(column, items.c.id, falling=falling))
    if looks is not None:
        keys = select(column, items.c.id).where(*chosen)
        chosen = [items.c.id.in_(first_found(keys, ITEM_TEXT, looks, falling=falling))]
    order = [c.desc() if falling else c.asc() for c in (column, items.c.id)]
    return core_statement(
        ROWS.where(*chosen).order_by(*order).limit(bindparam("rows", type_=Integer))
    )


@dataclass(frozen=True, slots=True)
class PostgresItems(ItemRepository, OwnedItemStore):
    """Reads and writes items."""

    executor: Executor

    async def get(self, item_id: UUID, *, lock: bool = False) -> Item:
        if lock:
            row = await self.executor.first(LOCK, item_id=item_id)
        else:
            row = await self.executor.by_key(GET, item_id)
        if row is None:
            raise ItemNotFound
        return Item._make(row)

    async def page(self, chosen: ItemFilter, *, after: Position | None, limit: int) -> Page[Item]:
        looks, words = query(chosen.search)
        statement = page_statement(
            chosen.sort,
            owned=chosen.owner is not None,
            looks=looks,
            continued=after is not None,
        )
        field = _field(chosen.sort)
        last = last_key(items.c[field], after)
        rows = await self.executor.all(
            statement, owner=chosen.owner, rows=limit + 1, **words, **last
        )
        found = [Item._make(row) for row in rows[:limit]]
        return page(found, lambda item: (getattr(item, field), item.id), more=len(rows) > limit)

    async def add(self, item: Item) -> None:
        await self.executor.defer(ADD, **item._asdict())

    async def save(self, item: Item) -> None:
        values = {name: getattr(item, name) for name in COLUMNS}
        await self.executor.run(SAVE, item_id=item.id, **values)

    async def delete_of(self, owner: UserId) -> Sequence[UUID]:
        rows = await self.executor.all(DELETE_OF, owner=owner)
        return [row["id"] for row in rows if row["is_active"]]

    async def move(self, owner: UserId, *, to: UserId, at: datetime) -> Sequence[UUID]:
        rows = await self.executor.all(MOVE, owner=owner, to=to, at=at)
        return [row["id"] for row in rows if row["is_active"]]


def _field(sort: ItemSort) -> str:
    return sort.removeprefix("-")
