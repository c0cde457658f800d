"""Workers say which kinds of jobs they can run."""

import sqlalchemy as sa
from alembic import op

revision = "20261126_worker_kinds"
down_revision = "20261125_unowned_jobs"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Workers of the last version go on signing without it.
    op.add_column("workers", sa.Column("kinds", sa.ARRAY(sa.Text()), nullable=True))


def downgrade() -> None:
    op.drop_column("workers", "kinds")
