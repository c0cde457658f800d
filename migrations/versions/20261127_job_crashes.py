"""Count the attempts of a job whose worker died; publish events that have no subscriber."""

import sqlalchemy as sa
from alembic import op

revision = "20261127_job_crashes"
down_revision = "20261126_worker_kinds"
branch_labels = None
depends_on = None
ACCEPTED_LOCKS = {"changing-all-rows": "older than the first release: events are few"}


def upgrade() -> None:
    # Workers of the previous version do not know the column: its default serves their rows.
    op.add_column("jobs", sa.Column("crashes", sa.Integer(), server_default="0", nullable=False))
    # Without subscribers the relay no longer reads events: the rest would wait for ever.
    op.execute("UPDATE events SET published_at = now() WHERE published_at IS NULL")


def downgrade() -> None:
    op.drop_column("jobs", "crashes")
