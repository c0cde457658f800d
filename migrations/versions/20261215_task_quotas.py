"""Upper bounds of the live tasks of accounts.

While the version before runs, whose tasks are not added to the bound, an account may get more tasks
than its limit; what it has is counted again once the bound reaches the limit.
"""

import sqlalchemy as sa
from alembic import op

revision = "20261215_task_quotas"
down_revision = "20261214_passkeys"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "task_quotas",
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("live_at_most", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["users.id"], name=op.f("fk_task_quotas_owner_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("owner_id", name=op.f("pk_task_quotas")),
    )


def downgrade() -> None:
    op.drop_table("task_quotas")
