"""Store when the user of a session last proved who they are."""

import sqlalchemy as sa
from alembic import op

revision = "20261202_recent_proofs"
down_revision = "20261130_idempotency_keys"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # NULL where the version before signed the user in: sensitive requests then ask for a proof.
    op.add_column("sessions", sa.Column("proved_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("sessions", "proved_at")
