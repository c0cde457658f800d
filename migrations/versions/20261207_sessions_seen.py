"""Remember when a session was last used."""

import sqlalchemy as sa
from alembic import op

revision = "20261207_sessions_seen"
down_revision = "20261205_api_tokens"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sessions", sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("sessions", "seen_at")
