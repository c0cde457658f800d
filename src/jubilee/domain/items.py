"""Items: short texts owned by one user, readable by all users."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple, Protocol, TypeAlias, TypedDict
from uuid import UUID

from jubilee.domain.audit.entry import AuditEvent, AuditTransaction, record_access
from jubilee.domain.clock import Clock
from jubilee.domain.concurrency import VersionCheck
from jubilee.domain.errors import Invalid, NotAllowed, NotFound, Stale
from jubilee.domain.events import EventLog, ItemCreated, ItemDeleted, ItemUpdated
from jubilee.domain.idempotency.answers import AnswerTransaction
from jubilee.domain.idempotency.commit import answered
from jubilee.domain.identity import NewId, Principal, UserId
from jubilee.domain.paging import Page, Position
from jubilee.domain.text import composed, line_fault, text_fault
from jubilee.domain.transaction import Begin

MAX_TITLE_CHARS = 200  # code points
MAX_DESCRIPTION_CHARS = 10_000  # code points


class ItemNotFound(NotFound):
    """The item does not exist."""

    code = "item_not_found"


class ItemChanged(Stale):
    """The item has changed since you read it."""

    code = "item_changed"


class InvalidTitle(Invalid):
    """A title must have 1 to 200 characters, not all of them blank."""

    code = "invalid_title"


class DescriptionTooLong(Invalid):
    """A description must have at most 10 000 characters."""

    code = "description_too_long"


class InvalidDescription(Invalid):
    """A description must not contain control or text direction characters."""

    code = "invalid_description"


class ItemFields(TypedDict, total=False):
    """The members of an item that can be set; absent members stay unchanged."""

    title: str
    description: str | None


class Item(NamedTuple):
    """An item; `version` starts at 1, and an inactive item is deleted.

    A list makes many of rows: a tuple takes 0.3 us, a dataclass 1.7.
    """

    id: UUID
    owner_id: UserId
    title: str
    created_at: datetime
    updated_at: datetime
    description: str | None = None
    is_active: bool = True
    version: int = 1

    def edited(self, fields: ItemFields, *, at: datetime) -> "Item":
        """Return the next version, or the same object if nothing changes."""
        after = self._replace(**_checked(fields, self))
        return self if after == self else _next(after, at)

    def deleted(self, *, at: datetime) -> "Item":
        """Return the last version, inactive."""
        return _next(self._replace(is_active=False), at)


ItemSort: TypeAlias = Literal[
    "created_at", "-created_at", "updated_at", "-updated_at", "title", "-title"
]
"""A field, descending with `-`; titles are ordered by code point."""


@dataclass(frozen=True, slots=True)
class ItemFilter:
    """Conditions and order of a list; `search` matches whole words and prefixes of words."""

    owner: UserId | None = None
    search: str | None = None
    sort: ItemSort = "-created_at"


# Ports


class ItemRepository(Protocol):
    """The active items; deleted items are not found."""

    async def get(self, item_id: UUID, *, lock: bool = False) -> Item:
        """Return the item; `lock` holds its row until the transaction ends.

        Raises ItemNotFound.
        """

    async def page(self, chosen: ItemFilter, *, after: Position | None, limit: int) -> Page[Item]:
        """List items in the order of `chosen`, ties by id."""

    async def add(self, item: Item) -> None:
        """Insert the item; raise InvalidToken if the owner's account was deleted."""

    async def save(self, item: Item) -> None:
        """Update the members that can change."""


class ItemTransaction(AnswerTransaction, AuditTransaction, Protocol):
    """The repositories that item use cases need in one transaction."""

    @property
    def items(self) -> ItemRepository:
        """The items."""

    @property
    def events(self) -> EventLog:
        """The outbox of events."""


@dataclass(frozen=True, slots=True)
class ItemService:
    """Use cases of items."""

    write: Begin[ItemTransaction]
    read: Begin[ItemTransaction]
    read_list: Begin[ItemTransaction]
    clock: Clock
    new_id: NewId

    async def create(self, title: str, description: str | None, *, by: Principal) -> Item:
        """Create an item of the caller."""
        fields = _checked({"title": title, "description": description})
        now = self.clock()
        item = Item(
            id=self.new_id(),
            owner_id=by.user_id,
            **fields,
            created_at=now,
            updated_at=now,
        )
        async with answered(self.write) as tx:
            await tx.items.add(item)
            await tx.events.add(ItemCreated(item_id=item.id, owner_id=item.owner_id))
        return item

    async def get(self, item_id: UUID) -> Item:
        """Return an item of any owner; raise ItemNotFound."""
        async with self.read() as view:
            return await view.items.get(item_id)

    async def list(self, chosen: ItemFilter, *, after: Position | None, limit: int) -> Page[Item]:
        """List items, of all owners unless one is chosen."""
        async with self.read_list() as view:
            return await view.items.page(chosen, after=after, limit=limit)

    async def change(
        self,
        item_id: UUID,
        fields: ItemFields,
        *,
        by: Principal,
        expects: VersionCheck[int] | None = None,
    ) -> Item:
        """Update an item; without a difference, version and events stay as they are."""
        async with answered(self.write) as tx:
            before = await _owned(tx, item_id, by, expects)
            after = before.edited(fields, at=self.clock())
            if after is not before:
                await tx.items.save(after)
                await tx.events.add(ItemUpdated(item_id=item_id, owner_id=after.owner_id))
            return after

    async def delete(
        self, item_id: UUID, *, by: Principal, expects: VersionCheck[int] | None = None
    ) -> None:
        """Mark an item as deleted; the row stays, inactive."""
        async with self.write() as tx:
            item = await _owned(tx, item_id, by, expects)
            await tx.items.save(item.deleted(at=self.clock()))
            await tx.events.add(ItemDeleted(item_id=item_id, owner_id=item.owner_id))


async def _owned(
    tx: ItemTransaction, item_id: UUID, by: Principal, expects: VersionCheck[int] | None
) -> Item:
    """Lock the item and check rights and version: of two concurrent changes only one passes."""
    item = await tx.items.get(item_id, lock=True)
    if not by.may_access(item.owner_id):
        raise NotAllowed
    if expects is not None and not expects(item.version):
        raise ItemChanged
    await record_access(
        tx.audit,
        AuditEvent.ADMIN_WRITE,
        by=by,
        owner=item.owner_id,
        resource="item",
        resource_id=str(item_id),
    )
    return item


def _next(item: Item, at: datetime) -> Item:
    return item._replace(version=item.version + 1, updated_at=at)


def _checked(fields: ItemFields, before: Item | None = None) -> ItemFields:
    """Normalise and check the members that differ from those of the item."""
    checked = fields.copy()
    if "title" in fields and not (before and fields["title"] == before.title):
        checked["title"] = _title(fields["title"])
    description = fields.get("description")
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
