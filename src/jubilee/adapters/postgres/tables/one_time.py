"""One-time links and codes of accounts, which are stored as hashes."""

from sqlalchemy import Column, Index, LargeBinary, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from jubilee.adapters.postgres.columns import instant, metadata, owner

one_time_links = Table(
    "one_time_links",
    metadata,
    Column("id", Uuid, primary_key=True),
    owner("user_id"),
    Column("purpose", Text, nullable=False),
    # The address that the mail goes to; its key finds the link by a typed code.
    Column("recipient", Text, nullable=False),
    Column("recipient_key", Text, nullable=False),
    Column("payload", JSONB, nullable=False),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    Column("code_hash", LargeBinary, nullable=False),
    instant("created_at"),
    instant("expires_at"),
    # When it was used, or voided by a newer one.
    instant("ended_at", nullable=True),
    Index("ix_one_time_links_user_id_purpose_created_at", "user_id", "purpose", "created_at"),
    Index(
        "ix_one_time_links_recipient_key_purpose",
        "recipient_key",
        "purpose",
        postgresql_where=text("ended_at IS NULL"),
    ),
    Index("ix_one_time_links_expires_at", "expires_at"),
)
