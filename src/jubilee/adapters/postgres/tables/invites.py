"""Pending invites to register with a role."""

from sqlalchemy import Column, ForeignKey, Index, LargeBinary, Table, Text, Uuid, text

from jubilee.adapters.postgres.columns import instant, metadata, owner

invites = Table(
    "invites",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("email", Text, nullable=False),
    Column("email_key", Text, nullable=False, unique=True),
    Column("role", Text, ForeignKey("roles.name"), nullable=False),
    owner("invited_by"),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    Column("code_hash", LargeBinary, nullable=False, server_default=text("'\\x'")),
    instant("created_at"),
    instant("expires_at"),
    Index("ix_invites_invited_by", "invited_by"),
    Index("ix_invites_created_at_id", "created_at", "id"),
    Index("ix_invites_expires_at", "expires_at"),
)
