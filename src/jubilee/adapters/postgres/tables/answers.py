"""Stored answers of requests with an idempotency key."""

from sqlalchemy import Column, Index, LargeBinary, Table, Uuid

from jubilee.adapters.postgres.columns import instant, metadata

# The sealed answers. No foreign key: its lock of the account would be taken after that of an item,
# and the deletion of an account takes them the other way round. Deleting an account deletes them.
idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("id", LargeBinary, primary_key=True),
    Column("account_id", Uuid),
    Column("answer", LargeBinary, nullable=False),
    instant("created_at"),
    Index("ix_idempotency_keys_account_id", "account_id"),
    Index("ix_idempotency_keys_created_at", "created_at"),
)
