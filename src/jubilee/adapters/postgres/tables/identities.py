"""Identities at other providers, and the tickets of their sign-ins."""

from sqlalchemy import Column, Index, LargeBinary, Table, Text, UniqueConstraint, Uuid

from jubilee.adapters.postgres.columns import instant, metadata, owner

# An identity is known by issuer and subject; its address may change at the provider.
identities = Table(
    "identities",
    metadata,
    Column("id", Uuid, primary_key=True),
    owner("user_id"),
    Column("provider", Text, nullable=False),
    Column("issuer", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("email", Text),
    instant("created_at"),
    instant("last_used_at"),
    UniqueConstraint("issuer", "subject"),
    Index("ix_identities_user_id_created_at_id", "user_id", "created_at", "id"),
)

# Hashes of tickets that have been used, until they expire.
spent_tickets = Table(
    "spent_tickets",
    metadata,
    Column("id", LargeBinary, primary_key=True),
    instant("expires_at"),
    Index("ix_spent_tickets_expires_at", "expires_at"),
)
