"""The table of API tokens."""

from sqlalchemy import ARRAY, Boolean, Column, Index, LargeBinary, Table, Text, Uuid

from jubilee.adapters.postgres.columns import instant, metadata, owner

api_tokens = Table(
    "api_tokens",
    metadata,
    Column("id", Uuid, primary_key=True),
    owner("user_id"),
    Column("name", Text, nullable=False),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    Column("scopes", ARRAY(Text), nullable=False),
    instant("created_at"),
    instant("expires_at"),
    instant("last_used_at", nullable=True),
    Column("is_granted", Boolean, nullable=False),
    Index("ix_api_tokens_user_id_created_at_id", "user_id", "created_at", "id"),
    Index("ix_api_tokens_expires_at", "expires_at"),
)
