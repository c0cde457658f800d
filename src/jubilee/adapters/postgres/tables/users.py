"""Accounts."""

from sqlalchemy import Boolean, Column, Index, Table, Text, Uuid, text

from jubilee.adapters.postgres.columns import instant, metadata, searched

USER_TEXT = searched("email", "username", "full_name")

users = Table(
    "users",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("email", Text, nullable=False),
    Column("email_key", Text, nullable=False, unique=True),
    Column("username", Text),
    Column("username_key", Text, unique=True),
    Column("password_hash", Text),
    Column("full_name", Text),
    Column("is_active", Boolean, nullable=False),
    Column("is_superuser", Boolean, nullable=False),
    Column("oauth_provider", Text),
    Column("birthday_greeting", Boolean, nullable=False),
    # A language tag, such as `de`; NULL is English.
    Column("locale", Text),
    # NULL while it is not verified.
    instant("email_verified_at", nullable=True),
    # A lock that was put on the account; `locked_until` NULL: it has to be lifted.
    instant("locked_at", nullable=True),
    instant("locked_until", nullable=True),
    Column("lock_reason", Text),
    instant("created_at"),
    instant("updated_at"),
    Index("ix_users_created_at_id", "created_at", "id"),
    Index("ix_users_admins", "id", postgresql_where=text("is_superuser AND is_active")),
    Index("ix_users_words", text(USER_TEXT.words), postgresql_using="gin"),
)
