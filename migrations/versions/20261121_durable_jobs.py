"""What running jobs needs: storage parameters of a table that is written all day."""

from alembic import op

revision = "20261121_durable_jobs"
down_revision = "20261120_accounts"
branch_labels = None
depends_on = None

# Room in each page lets an update stay there; dead rows go at once, not after a fifth of the table.
HOT = {
    "fillfactor": "70",
    "autovacuum_vacuum_scale_factor": "0.01",
    "autovacuum_vacuum_threshold": "500",
    "autovacuum_vacuum_cost_delay": "0",
}


def upgrade() -> None:
    settings = ", ".join(f"{name} = {value}" for name, value in HOT.items())
    op.execute(f"ALTER TABLE jobs SET ({settings})")


def downgrade() -> None:
    op.execute(f"ALTER TABLE jobs RESET ({', '.join(HOT)})")
