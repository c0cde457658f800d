"""The audit log, its seals, and how far it is sealed, erased and pruned."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261129_audit_log"
down_revision = "20261127_job_crashes"
branch_labels = None
depends_on = None

LISTS = {
    "ix_audit_entries_occurred_at_id": ["occurred_at", "id"],
    "ix_audit_entries_event_occurred_at_id": ["event", "occurred_at", "id"],
    "ix_audit_entries_actor_id_occurred_at_id": ["actor_id", "occurred_at", "id"],
    "ix_audit_entries_subject_id_occurred_at_id": ["subject_id", "occurred_at", "id"],
    "ix_audit_entries_seal_id": ["seal", "id"],
}


def upgrade() -> None:
    op.create_table(
        "audit_entries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("user_agent", sa.Text(), nullable=True),
        sa.Column("client_salt", sa.LargeBinary(), nullable=True),
        sa.Column("client_hash", sa.LargeBinary(), nullable=False),
        sa.Column("seal", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entries")),
    )
    for name, columns in LISTS.items():
        op.create_index(name, "audit_entries", columns)
    op.create_table(
        "audit_seals",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit_seals")),
    )
    op.create_table(
        "audit_marks",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("seal", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_audit_marks")),
    )
    op.execute(
        "INSERT INTO audit_marks (name, seal, digest, signature)"
        " SELECT name, 0, decode(repeat('00', 32), 'hex'), ''"
        " FROM unnest(ARRAY['sealed', 'erased', 'pruned']) AS name"
    )


def downgrade() -> None:
    op.drop_table("audit_marks")
    op.drop_table("audit_seals")
    op.drop_table("audit_entries")
