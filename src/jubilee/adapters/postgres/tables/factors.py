"""The tables of second factors."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Uuid,
)

from jubilee.adapters.postgres.columns import instant, metadata, owner

# Authenticator apps. The secret is encrypted by a key that the database does not have.
totp_factors = Table(
    "totp_factors",
    metadata,
    Column("id", Uuid, primary_key=True),
    owner("user_id"),
    Column("sealed_secret", LargeBinary, nullable=False),
    instant("created_at"),
    instant("confirmed_at", nullable=True),
    # The time step of the last code that was accepted: a code works once.
    Column("last_step", BigInteger),
    Index("ix_totp_factors_user_id_created_at", "user_id", "created_at"),
)

recovery_codes = Table(
    "recovery_codes",
    metadata,
    owner("user_id"),
    Column("code_hash", LargeBinary, nullable=False),
    PrimaryKeyConstraint("user_id", "code_hash"),
)

# Sign-ins whose second factor is missing.
pending_sign_ins = Table(
    "pending_sign_ins",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    owner("user_id"),
    Column("password_digest", LargeBinary, nullable=False),
    Column("tries", SmallInteger, nullable=False),
    instant("expires_at"),
    CheckConstraint("tries >= 0", name="tries"),
    Index("ix_pending_sign_ins_user_id_expires_at", "user_id", "expires_at"),
    Index("ix_pending_sign_ins_expires_at", "expires_at"),
)
