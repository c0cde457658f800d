"""The audit log and its chain."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from jubilee.adapters.postgres.columns import instant, metadata

# No reference to accounts: entries outlive them.
audit_entries = Table(
    "audit_entries",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("event", Text, nullable=False),
    Column("actor_id", Uuid),
    Column("subject_id", Uuid),
    instant("occurred_at"),
    Column("request_id", Text),
    Column("details", JSONB, nullable=False),
    # Who the client was is erased before the rest; its hash stays, for the chain.
    Column("address", Text),
    Column("user_agent", Text),
    Column("client_salt", LargeBinary),
    Column("client_hash", LargeBinary, nullable=False),
    # The seal that covers it; NULL until then.
    Column("seal", BigInteger),
    Index("ix_audit_entries_occurred_at_id", "occurred_at", "id"),
    Index("ix_audit_entries_event_occurred_at_id", "event", "occurred_at", "id"),
    Index("ix_audit_entries_actor_id_occurred_at_id", "actor_id", "occurred_at", "id"),
    Index("ix_audit_entries_subject_id_occurred_at_id", "subject_id", "occurred_at", "id"),
    Index("ix_audit_entries_seal_id", "seal", "id"),
)

audit_seals = Table(
    "audit_seals",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    instant("sealed_at"),
    Column("entries", Integer, nullable=False),
    Column("digest", LargeBinary, nullable=False),
)

# How far the chain is sealed, its clients are erased, and it is pruned; signed by SECRET_KEY.
audit_marks = Table(
    "audit_marks",
    metadata,
    Column("name", Text, primary_key=True),
    Column("seal", BigInteger, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
)
