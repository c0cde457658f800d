"""Items: short texts that everyone who is signed in may read, and that belong to one person."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, Protocol, TypeAlias, TypedDict
from uuid import UUID

from jubilee.domain.clock import Clock
from jubilee.domain.errors import Invalid, NotAllowed, NotFound, Stale
from jubilee.domain.events import EventLog, ItemCreated, ItemDeleted, ItemUpdated
from jubilee.domain.identity import NewId, Principal, UserId
from jubilee.domain.paging import Page, Position
from jubilee.domain.text import composed, line_fault, text_fault
from jubilee.domain.transaction import Begin

MAX_TITLE_CHARS = 200  # code points
MAX_DESCRIPTION_CHARS = 10_000  # code points


class ItemNotFound(NotFound):
    """There is no such item."""

    code = "item_not_found"


class ItemChanged(Stale):
    """The item has changed since you looked at it."""

    code = "item_changed"


class InvalidTitle(Invalid):
    """A title has 1 to 200 characters, not all of them blank."""

    code = "invalid_title"


class DescriptionTooLong(Invalid):
    """A description has 10 000 characters at most."""

    code = "description_too_long"


class InvalidDescription(Invalid):
    """A description has no control characters and none that change the direction of text."""

    code = "invalid_description"


class ItemFields(TypedDict, total=False):
    """What an item says; texts are kept in Unicode's normal form C, and what is absent stays."""

    title: str
    description: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """`version` counts the states it has been in, from 1; one that is not active is gone."""

    id: UUID
    owner_id: UserId
    title: str
    description: str | None = None
    is_active: bool = True
    version: int = 1
    created_at: datetime
    updated_at: datetime

    def edited(self, words: ItemFields, *, at: datetime) -> "Item":
        """The next version, or this very item where the words are the same."""
        after = replace(self, **_checked(words, self))
        return self if after == self else _next(after, at)

    def deleted(self, *, at: datetime) -> "Item":
        """The last version."""
        return _next(replace(self, is_active=False), at)


Expects: TypeAlias = Callable[[int], bool]
"""Whether the caller, who saw the item before, is content with the version that it has now."""

ItemSort: TypeAlias = Literal[
    "created_at", "-created_at", "updated_at", "-updated_at", "title", "-title"
]
"""A field, with `-` from its highest value down; titles are ordered by code point."""


@dataclass(frozen=True, slots=True)
class ItemFilter:
    """Which items are listed, and in which order; `search` finds words and their beginnings."""

    owner: UserId | None = None
    search: str | None = None
    sort: ItemSort = "-created_at"


class ItemRepository(Protocol):
    """The active items; one that was deleted is not found."""

    async def get(self, item_id: UUID, *, lock: bool = False) -> Item:
        """Raises ItemNotFound; `lock` keeps others from changing it until the end."""

    async def page(self, chosen: ItemFilter, *, after: Position | None, limit: int) -> Page[Item]:
        """In the order of `chosen`, ties by id."""

    async def add(self, item: Item) -> None:
        """Insert it; raises InvalidToken where the owner's account is gone."""

    async def save(self, item: Item) -> None:
        """Write all that can change."""


class ItemTransaction(Protocol):
    """What items need of a transaction."""

    @property
    def items(self) -> ItemRepository:
        """The items."""

    @property
    def events(self) -> EventLog:
        """The outbox of facts."""


@dataclass(frozen=True, slots=True)
class ItemService:
    """What can be done with items."""

    write: Begin[ItemTransaction]
    read: Begin[ItemTransaction]
    clock: Clock
    new_id: NewId

    async def create(self, title: str, description: str | None, *, by: Principal) -> Item:
        """A new item of the caller's."""
        words = _checked({"title": title, "description": description})
        now = self.clock()
        item = Item(
            id=self.new_id(),
            owner_id=by.user_id,
            **words,
            created_at=now,
            updated_at=now,
        )
        async with self.write() as tx:
            await tx.items.add(item)
            await tx.events.add(ItemCreated(item_id=item.id, owner_id=item.owner_id))
        return item

    async def get(self, item_id: UUID) -> Item:
        """Anybody's."""
        async with self.read() as view:
            return await view.items.get(item_id)

    async def list(self, chosen: ItemFilter, *, after: Position | None, limit: int) -> Page[Item]:
        """Everybody's, where no owner is chosen."""
        async with self.read() as view:
            return await view.items.page(chosen, after=after, limit=limit)

    async def change(
        self, item_id: UUID, words: ItemFields, *, by: Principal, expects: Expects | None = None
    ) -> Item:
        """Where nothing changes, the version stays and no event is written."""
        async with self.write() as tx:
            before = await _owned(tx, item_id, by, expects)
            after = before.edited(words, at=self.clock())
            if after is not before:
                await tx.items.save(after)
                await tx.events.add(ItemUpdated(item_id=item_id, owner_id=after.owner_id))
            return after

    async def delete(self, item_id: UUID, *, by: Principal, expects: Expects | None = None) -> None:
        """The row stays, but nobody sees it any more."""
        async with self.write() as tx:
            item = await _owned(tx, item_id, by, expects)
            await tx.items.save(item.deleted(at=self.clock()))
            await tx.events.add(ItemDeleted(item_id=item_id, owner_id=item.owner_id))


async def _owned(
    tx: ItemTransaction, item_id: UUID, by: Principal, expects: Expects | None
) -> Item:
    """The item, locked: of two who saw the same version only one gets past here."""
    item = await tx.items.get(item_id, lock=True)
    if not by.may_touch(item.owner_id):
        raise NotAllowed
    if expects is not None and not expects(item.version):
        raise ItemChanged
    return item


def _next(item: Item, at: datetime) -> Item:
    return replace(item, version=item.version + 1, updated_at=at)


def _checked(words: ItemFields, before: Item | None = None) -> ItemFields:
    """In their normal form; what the item says already is not judged again."""
    checked = words.copy()
    if "title" in words and not (before and words["title"] == before.title):
        checked["title"] = _title(words["title"])
    description = words.get("description")
    if description is not None and not (before and description == before.description):
        checked["description"] = _description(description)
    return checked


def _title(text: str) -> str:
    title = composed(text)
    if not title.strip() or len(title) > MAX_TITLE_CHARS:
        raise InvalidTitle(pointer="/title")
    if fault := line_fault(title):
        raise InvalidTitle(fault, pointer="/title")
    return title


def _description(text: str) -> str:
    description = composed(text)
    if len(description) > MAX_DESCRIPTION_CHARS:
        raise DescriptionTooLong(pointer="/description")
    if fault := text_fault(description):
        raise InvalidDescription(fault, pointer="/description")
    return description
