"""Items in memory."""

import re
from collections.abc import Container, MutableMapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from jubilee.domain.identity import UserId
from jubilee.domain.items import Item, ItemFilter, ItemNotFound, ItemRepository
from jubilee.domain.owned_rows import OwnedItemStore
from jubilee.domain.paging import Page, Position
from tests.fakes.rows import FakeUnitOfWork

COLUMNS = ("title", "description", "is_active", "version", "updated_at")
SEPARATORS = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class FakeItems(ItemRepository, OwnedItemStore):
    """Rows by id; deleted items stay, as in the real table."""

    rows: MutableMapping[UUID, Item] = field(default_factory=dict)
    owners: Container[UserId] = ()
    unit: FakeUnitOfWork = field(default_factory=FakeUnitOfWork)

    async def get(self, item_id: UUID, *, lock: bool = False) -> Item:
        await self.unit.read("item", item_id, lock=lock)
        item = self.rows.get(item_id)
        if item is None or not item.is_active:
            raise ItemNotFound
        return item

    async def page(self, chosen: ItemFilter, *, after: Position | None, limit: int) -> Page[Item]:
        name, descending = chosen.sort.removeprefix("-"), chosen.sort.startswith("-")
        found = [item for item in self.rows.values() if _is_chosen(item, chosen)]
        found.sort(key=lambda item: _key(item, name), reverse=descending)
        if after is not None:
            value = after[0] if name == "title" else datetime.fromisoformat(after[0])
            last = (value, UUID(after[1]))
            found = [
                i for i in found if (_key(i, name) < last) == descending and _key(i, name) != last
            ]
        page = found[:limit]
        return Page(page, _position(page[-1], name) if len(found) > limit else None)

    async def add(self, item: Item) -> None:
        self.unit.check(item)
        await self.unit.hold("owner", item.owner_id, shared=True)
        self.unit.require_row(self.owners, item.owner_id, "fk_items_owner_id")
        await self.unit.hold("item", item.id)
        self.rows[item.id] = item

    async def save(self, item: Item) -> None:
        self.unit.check(item)
        self.unit.require_lock("item", item.id)
        await self.unit.hold("item", item.id)
        known = self.rows.get(item.id)
        if known is not None:
            values = {name: getattr(item, name) for name in COLUMNS}
            self.rows[item.id] = known._replace(**values)

    async def delete_of(self, owner: UserId) -> Sequence[UUID]:
        await self.unit.read("owner", owner, lock=False)
        own = [item for item in self.rows.values() if item.owner_id == owner]
        for item in own:
            await self.unit.hold("item", item.id)
        for item in own:
            del self.rows[item.id]
        return [item.id for item in own if item.is_active]

    async def move(self, owner: UserId, *, to: UserId, at: datetime) -> Sequence[UUID]:
        await self.unit.read("owner", owner, lock=False)
        own = [item for item in self.rows.values() if item.owner_id == owner]
        for item in own:
            await self.unit.hold("item", item.id)
            self.rows[item.id] = item._replace(owner_id=to, version=item.version + 1, updated_at=at)
        return [item.id for item in own if item.is_active]


def _is_chosen(item: Item, chosen: ItemFilter) -> bool:
    owned = chosen.owner is None or item.owner_id == chosen.owner
    return item.is_active and owned and (chosen.search is None or _matches(item, chosen.search))


def _matches(item: Item, search: str) -> bool:
    words = _words(f"{item.title} {item.description or ''}")
    prefixes = _words(search)
    return bool(prefixes) and all(any(w.startswith(p) for w in words) for p in prefixes)


def _words(text: str) -> list[str]:
    return [word for word in SEPARATORS.split(text.lower()) if word]


def _key(item: Item, name: str) -> tuple[object, UUID]:
    return getattr(item, name), item.id


def _position(item: Item, name: str) -> Position:
    value = getattr(item, name)
    return value.isoformat() if isinstance(value, datetime) else value, str(item.id)
