"""The outbox of domain events."""

from sqlalchemy import Column, Index, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from jubilee.adapters.postgres.columns import instant, metadata

events = Table(
    "events",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("data", JSONB, nullable=False),
    Column("correlation_id", Text),
    Column("trace_context", JSONB),
    instant("occurred_at"),
    instant("published_at", nullable=True),
    Index("ix_events_unpublished", "id", postgresql_where=text("published_at IS NULL")),
    Index(
        "ix_events_published_at",
        "published_at",
        postgresql_where=text("published_at IS NOT NULL"),
    ),
)
