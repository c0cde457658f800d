"""Items of accounts."""

from sqlalchemy import Boolean, Column, Index, Integer, Table, Text, Uuid, text

from jubilee.adapters.postgres.columns import instant, metadata, owner, searched

ITEM_TEXT = searched("title", "description")
LISTED = text("is_active")

items = Table(
    "items",
    metadata,
    Column("id", Uuid, primary_key=True),
    owner("owner_id"),
    # Sorted by code point: the order of a locale changes with its version.
    Column("title", Text(collation="C"), nullable=False),
    Column("description", Text),
    Column("is_active", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
    instant("created_at"),
    instant("updated_at"),
    Index("ix_items_created_at_id", "created_at", "id", postgresql_where=LISTED),
    Index("ix_items_updated_at_id", "updated_at", "id", postgresql_where=LISTED),
    Index("ix_items_title_id", "title", "id", postgresql_where=LISTED),
    # Not partial: it also finds the items that are deleted with an account.
    Index("ix_items_owner_id_is_active_created_at_id", "owner_id", "is_active", "created_at", "id"),
    Index(
        "ix_items_owner_id_updated_at_id", "owner_id", "updated_at", "id", postgresql_where=LISTED
    ),
    Index("ix_items_owner_id_title_id", "owner_id", "title", "id", postgresql_where=LISTED),
    Index("ix_items_words", text(ITEM_TEXT.words), postgresql_using="gin", postgresql_where=LISTED),
)
