"""Request and response bodies of items."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import ConfigDict, Field

from jubilee.domain.identity import UserId
from jubilee.domain.items import (
    MAX_DESCRIPTION_CHARS,
    MAX_TITLE_CHARS,
    Item,
    ItemFields,
    ItemFilter,
    ItemSort,
)
from jubilee.entrypoints.http.fields import Search, absent
from jubilee.entrypoints.http.framework.endpoint import Model, ReplyModel
from jubilee.entrypoints.http.framework.paging import PageQuery, PageReply
from jubilee.entrypoints.http.framework.rows import row_reader
from jubilee.entrypoints.http.text_patterns import (
    BODY_TEXT,
    LINE_TEXT,
    TEXT_PATTERN,
    TITLE_PATTERN,
    DocumentedPattern,
)

ITEM_FIELDS_EXAMPLE = {"title": "Fairy lights", "description": "Twenty metres, warm white"}
ITEM_EXAMPLE = {
    "id": "019aa0c1-7d4e-7c35-9d0f-3a4b5c6d7e8f",
    **ITEM_FIELDS_EXAMPLE,
    "owner_id": "019aa0c0-11aa-7b02-8c5e-5f6a7b8c9d0e",
    "is_active": True,
    "created_at": "2026-11-20T09:00:00Z",
    "updated_at": "2026-11-20T09:00:00Z",
}

Title = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_TITLE_CHARS,
        pattern=r"\S",
        description=LINE_TEXT,
        examples=["Fairy lights"],
    ),
    DocumentedPattern(TITLE_PATTERN),
]
Description = Annotated[
    str,
    Field(
        max_length=MAX_DESCRIPTION_CHARS,
        description=BODY_TEXT,
    ),
    DocumentedPattern(TEXT_PATTERN),
]


class WholeItem(Model):
    """An item's title and description; an absent description is removed."""

    title: Title
    description: Description | None = None

    def to_domain(self) -> ItemFields:
        """Return all fields."""
        return {"title": self.title, "description": self.description}


class ItemPatch(Model):
    """Changes of an item: absent members are kept, null removes a value."""

    title: Title = absent()
    description: Description | None = None

    def to_domain(self) -> ItemFields:
        """Return the fields that the client sent."""
        fields: ItemFields = {}
        if "title" in self.model_fields_set:
            fields["title"] = self.title
        if "description" in self.model_fields_set:
            fields["description"] = self.description
        return fields


class ItemQuery(PageQuery):
    """Filters and order of the list of items."""

    owner: UUID | None = Field(None, description="id of the account that owns the items")
    q: Search | None = None
    sort: ItemSort = Field(
        "-created_at", description="`-` for descending; titles are compared by code point"
    )

    def to_domain(self) -> ItemFilter:
        """Return the filter for the item service."""
        owner = None if self.owner is None else UserId(self.owner)
        return ItemFilter(owner, self.q, self.sort)


class ItemReply(ReplyModel):
    """An item."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    title: str
    description: str | None
    owner_id: UUID
    is_active: bool = Field(description="read-only; deleted items are not returned")
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, item: Item) -> Self:
        """Make the reply for an item; its version is sent as the ETag."""
        return cls.model_validate(item)


item_row = row_reader(ItemReply)


class ItemPage(PageReply):
    """One page of items."""

    items: list[ItemReply]
