"""Deletions of accounts that wait, and exports."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, Table, Uuid

from jubilee.adapters.postgres.columns import instant, metadata, owner

# Accounts that are deleted at the end of their grace; restoring one deletes its row.
account_deletions = Table(
    "account_deletions",
    metadata,
    Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    instant("due_at"),
    instant("requested_at"),
)

# Archives of persons' data; without a size they are not finished.
exports = Table(
    "exports",
    metadata,
    Column("id", Uuid, primary_key=True),
    owner("user_id"),
    Column("size_bytes", BigInteger),
    Column("chunks", Integer),
    instant("created_at"),
    instant("expires_at"),
    Index("ix_exports_user_id", "user_id"),
    Index("ix_exports_expires_at", "expires_at"),
)

export_chunks = Table(
    "export_chunks",
    metadata,
    Column("export_id", Uuid, ForeignKey("exports.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("content", LargeBinary, nullable=False),
)
