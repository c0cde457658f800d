"""The tables of passkeys."""

from sqlalchemy import BigInteger, Boolean, Column, Index, LargeBinary, Table, Text, Uuid

from jubilee.adapters.postgres.columns import instant, metadata, owner

passkeys = Table(
    "passkeys",
    metadata,
    Column("id", Uuid, primary_key=True),
    owner("user_id"),
    Column("credential_id", LargeBinary, nullable=False, unique=True),
    Column("public_key", LargeBinary, nullable=False),
    Column("sign_count", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("backed_up", Boolean, nullable=False),
    instant("created_at"),
    instant("last_used_at", nullable=True),
    Index("ix_passkeys_user_id_created_at", "user_id", "created_at"),
)

# Challenges that have been answered, until they would have expired: each is answered once.
spent_challenges = Table(
    "spent_challenges",
    metadata,
    Column("challenge", LargeBinary, primary_key=True),
    instant("expires_at"),
    Index("ix_spent_challenges_expires_at", "expires_at"),
)
