"""Workers sign that they are alive."""

import sqlalchemy as sa
from alembic import op

revision = "20261124_workers"
down_revision = "20261123_producers"
branch_labels = None
depends_on = None
ACCEPTED_LOCKS = {"require-concurrent-index-creation": "older than the first release: jobs are few"}


def upgrade() -> None:
    op.create_table(
        "workers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("heard_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workers")),
    )
    op.create_index("ix_jobs_dead", "jobs", ["lane"], postgresql_where=sa.text("status = 'dead'"))


def downgrade() -> None:
    op.drop_index("ix_jobs_dead", table_name="jobs")
    op.drop_table("workers")
