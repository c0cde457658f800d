"""The table of service accounts."""

from sqlalchemy import ARRAY, Column, ForeignKey, Index, LargeBinary, Table, Text, Uuid

from jubilee.adapters.postgres.columns import instant, metadata

service_accounts = Table(
    "service_accounts",
    metadata,
    Column("id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("name", Text, nullable=False),
    Column("owner_id", Uuid, ForeignKey("users.id", ondelete="SET NULL")),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("secret_hash", LargeBinary, nullable=False),
    instant("created_at"),
    Index("ix_service_accounts_created_at_id", "created_at", "id"),
    Index("ix_service_accounts_owner_id", "owner_id"),
)
