"""Keys that sign access tokens."""

from sqlalchemy import CheckConstraint, Column, LargeBinary, Table, Text

from jubilee.adapters.postgres.columns import instant, metadata

# Times decide what a key is used for, so that all instances agree without a message.
signing_keys = Table(
    "signing_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("algorithm", Text, nullable=False),
    Column("public_key", Text, nullable=False),
    Column("private_key", LargeBinary, nullable=False),
    instant("created_at"),
    instant("signs_from"),
    instant("signs_until", nullable=True),
    instant("verifies_until", nullable=True),
    CheckConstraint("algorithm IN ('EdDSA', 'ES256')", name="algorithm"),
    CheckConstraint("(signs_until IS NULL) = (verifies_until IS NULL)", name="ends"),
)
