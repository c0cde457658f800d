"""Store identities at other providers, and which tickets of their sign-ins have been used."""

import sqlalchemy as sa
from alembic import op

revision = "20261209_identities"
down_revision = "20261208_leaving"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "identities",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_identities_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identities")),
        sa.UniqueConstraint("issuer", "subject", name=op.f("uq_identities_issuer_subject")),
    )
    op.create_index(
        "ix_identities_user_id_created_at_id", "identities", ["user_id", "created_at", "id"]
    )
    op.create_table(
        "spent_tickets",
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_spent_tickets")),
    )
    op.create_index("ix_spent_tickets_expires_at", "spent_tickets", ["expires_at"])


def downgrade() -> None:
    op.drop_table("spent_tickets")
    op.drop_table("identities")
