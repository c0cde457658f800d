"""Store the keys that sign access tokens."""

import sqlalchemy as sa
from alembic import op

revision = "20261203_signing_keys"
down_revision = "20261202_recent_proofs"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "signing_keys",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("algorithm", sa.Text(), nullable=False),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("private_key", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("signs_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("signs_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("verifies_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signing_keys")),
        sa.CheckConstraint(
            "algorithm IN ('EdDSA', 'ES256')", name=op.f("ck_signing_keys_algorithm")
        ),
        sa.CheckConstraint(
            "(signs_until IS NULL) = (verifies_until IS NULL)", name=op.f("ck_signing_keys_ends")
        ),
    )


def downgrade() -> None:
    op.drop_table("signing_keys")
