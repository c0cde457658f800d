"""Items on the wire."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from jubilee.domain.items import (
    MAX_DESCRIPTION_CHARS,
    MAX_TITLE_CHARS,
    Item,
    ItemFields,
    ItemSort,
)
from jubilee.entrypoints.http.fields import Search, absent
from jubilee.entrypoints.http.framework.endpoint import Model
from jubilee.entrypoints.http.framework.paging import PageQuery, PageReply
from jubilee.entrypoints.http.text_patterns import (
    BODY_TEXT,
    LINE_TEXT,
    TEXT_PATTERN,
    TITLE_PATTERN,
    DocumentedPattern,
)

ITEM_WORDS_EXAMPLE = {"title": "Fairy lights", "description": "Twenty metres, warm white"}
ITEM_EXAMPLE = {
    "id": "019aa0c1-7d4e-7c35-9d0f-3a4b5c6d7e8f",
    **ITEM_WORDS_EXAMPLE,
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
    """All that an item's owner decides; a description that is left out is removed."""

    title: Title
    description: Description | None = None

    def fields(self) -> ItemFields:
        """All of them."""
        return {"title": self.title, "description": self.description}


class ItemPatch(Model):
    """Some of it: absent keeps, null removes."""

    title: Title = absent()
    description: Description | None = None

    def fields(self) -> ItemFields:
        """Those that were sent."""
        words: ItemFields = {}
        if "title" in self.model_fields_set:
            words["title"] = self.title
        if "description" in self.model_fields_set:
            words["description"] = self.description
        return words


class ItemQuery(PageQuery):
    """Which items, and in which order."""

    owner: UUID | None = Field(None, description="the id of the account that they belong to")
    q: Search | None = None
    sort: ItemSort = Field(
        "-created_at", description="`-` from the highest down; titles go by code point"
    )


class ItemReply(BaseModel):
    """An item as it is shown."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    title: str
    description: str | None
    owner_id: UUID
    is_active: bool = Field(description="read-only; an item that was deleted is not shown at all")
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, item: Item) -> Self:
        """The entity's members, but for its version, which is the ETag."""
        return cls.model_validate(item)


class ItemPage(PageReply):
    """One page of items."""

    items: list[ItemReply]
