"""Lists of jobs that no account asked for, for admins."""

from alembic import op
from sqlalchemy import text

revision = "20261125_unowned_jobs"
down_revision = "20261124_workers"
branch_labels = None
depends_on = None
ACCEPTED_LOCKS = {"require-concurrent-index-creation": "older than the first release: jobs are few"}

LISTS = {
    "ix_unowned_status_id": ["status", "id"],
    "ix_unowned_kind_status_id": ["kind", "status", "id"],
}


def upgrade() -> None:
    for name, columns in LISTS.items():
        op.create_index(name, "jobs", columns, postgresql_where=text("task_id IS NULL"))


def downgrade() -> None:
    for name in LISTS:
        op.drop_index(name, "jobs")
