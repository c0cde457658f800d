"""Birthday greetings, and the counters of their planning."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    SmallInteger,
    Table,
    Text,
    Uuid,
)

from jubilee.adapters.postgres.columns import instant, metadata

# The primary key guarantees one greeting per account and year.
greetings = Table(
    "greetings",
    metadata,
    Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("year", SmallInteger, primary_key=True),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("due_on", Date, nullable=False),
    instant("due_at"),
    Column("message_id", Text),
    instant("created_at"),
    instant("sent_at", nullable=True),
    CheckConstraint(
        "state IN ('planned', 'sending', 'sent', 'uncertain', 'skipped')", name="state"
    ),
    CheckConstraint("(state = 'skipped') = (reason IS NOT NULL)", name="reason"),
    Index("ix_greetings_due_on", "due_on"),
    # For counting: of a year most are sent, and of a day many may not be due yet.
    Index("ix_greetings_state_due_on_due_at", "state", "due_on", "due_at"),
)

counters = Table(
    "counters",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)
