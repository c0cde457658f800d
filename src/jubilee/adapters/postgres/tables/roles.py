"""Roles, and their grants to accounts."""

from sqlalchemy import ARRAY, CheckConstraint, Column, ForeignKey, Table, Text, Uuid

from jubilee.adapters.postgres.columns import instant, metadata

roles = Table(
    "roles",
    metadata,
    Column("name", Text, primary_key=True),
    Column("description", Text, nullable=False),
    # `*` stands for every scope, also those of later releases.
    Column("scopes", ARRAY(Text), nullable=False),
)

# `user` needs no grant, as every account has it; the grant of `admin` is `users.is_superuser`.
role_grants = Table(
    "role_grants",
    metadata,
    Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("role", Text, ForeignKey("roles.name"), primary_key=True),
    Column("granted_by", Uuid, nullable=False),
    instant("granted_at"),
    CheckConstraint("role NOT IN ('admin', 'user')", name="role"),
)
