"""Birthdays of accounts, and of names without one."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    Computed,
    Date,
    Index,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)

from jubilee.adapters.postgres.columns import instant, metadata, owner

# One row for every account, and one for every name saved without an account: the unique key decides
# between concurrent transactions that take the same name.
birthdays = Table(
    "birthdays",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text),
    Column("name_key", Text, unique=True),
    owner("user_id", nullable=True),
    Column("date_of_birth", Date),
    Column("time_zone", Text),
    Column(
        "month_day",
        SmallInteger,
        Computed(
            "(EXTRACT(month FROM date_of_birth) * 100 + EXTRACT(day FROM date_of_birth))::smallint",
            persisted=True,
        ),
    ),
    instant("created_at"),
    instant("updated_at"),
    UniqueConstraint("user_id"),
    CheckConstraint("name_key IS NOT NULL OR user_id IS NOT NULL", name="somebody"),
    Index("ix_birthdays_month_day_id", "month_day", "id"),
    # For planning greetings: rows without an account, which may be many a day, are not in it.
    Index(
        "ix_birthdays_month_day_user_id",
        "month_day",
        "user_id",
        postgresql_where=text("user_id IS NOT NULL"),
    ),
)
