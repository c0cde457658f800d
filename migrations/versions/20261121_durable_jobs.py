"""What running jobs needs: storage parameters of a table that is written all day, and lists."""

from alembic import op
from sqlalchemy import text

revision = "20261121_durable_jobs"
down_revision = "20261120_accounts"
branch_labels = None
depends_on = None
ACCEPTED_LOCKS = {
    "require-concurrent-index-creation": "older than the first release: the tables are small"
}

# Room in each page lets an update stay there; dead rows go at once, not after a fifth of the table.
HOT = {
    "fillfactor": "70",
    "autovacuum_vacuum_scale_factor": "0.01",
    "autovacuum_vacuum_threshold": "500",
    "autovacuum_vacuum_cost_delay": "0",
}
LISTS = {
    "ix_tasks_owner_id_status_id": ["owner_id", "status", "id"],
    "ix_tasks_owner_id_kind_status_id": ["owner_id", "kind", "status", "id"],
    "ix_tasks_status_id": ["status", "id"],
    "ix_tasks_kind_status_id": ["kind", "status", "id"],
}


def upgrade() -> None:
    settings = ", ".join(f"{name} = {value}" for name, value in HOT.items())
    op.execute(f"ALTER TABLE jobs SET ({settings})")
    for name, columns in LISTS.items():
        op.create_index(name, "jobs", columns, postgresql_where=text("task_id IS NOT NULL"))


def downgrade() -> None:
    for name in LISTS:
        op.drop_index(name, "jobs")
    op.execute(f"ALTER TABLE jobs RESET ({', '.join(HOT)})")
