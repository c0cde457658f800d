"""The code beside the link of an invite."""

import sqlalchemy as sa
from alembic import op

revision = "20261216_invite_codes"
down_revision = "20261215_task_quotas"
branch_labels = None
depends_on = None


def upgrade() -> None:
    code_hash = sa.Column(
        "code_hash", sa.LargeBinary(), server_default=sa.text("'\\x'"), nullable=False
    )
    op.add_column("invites", code_hash)


def downgrade() -> None:
    op.drop_column("invites", "code_hash")
