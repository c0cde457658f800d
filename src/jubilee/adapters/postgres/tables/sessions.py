"""Sessions of accounts."""

from sqlalchemy import Boolean, Column, Index, Integer, LargeBinary, Table, Text, Uuid, false

from jubilee.adapters.postgres.columns import instant, metadata, owner

sessions = Table(
    "sessions",
    metadata,
    Column("id", Uuid, primary_key=True),
    owner("user_id"),
    Column("generation", Integer, nullable=False),
    Column("token_hash", LargeBinary, nullable=False),
    Column("previous_hash", LargeBinary),
    instant("rotated_at"),
    instant("expires_at"),
    instant("created_at"),
    instant("proved_at", nullable=True),
    instant("seen_at", nullable=True),
    Column("second_factor", Boolean, nullable=False, server_default=false()),
    Column("ip", Text),
    Column("user_agent", Text),
    Index("ix_sessions_user_id_created_at_id", "user_id", "created_at", "id"),
    Index("ix_sessions_expires_at", "expires_at"),
)
