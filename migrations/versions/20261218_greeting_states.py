"""Index of greetings by state, which lets workers count them for their metrics up to a limit."""

from alembic import op

revision = "20261218_greeting_states"
down_revision = "20261217_bounded_dispatch"
branch_labels = None
depends_on = None

NAME = "ix_greetings_state_due_on_due_at"
COLUMNS = ["state", "due_on", "due_at"]


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        op.drop_index(NAME, "greetings", postgresql_concurrently=True, if_exists=True)
        op.create_index(NAME, "greetings", COLUMNS, postgresql_concurrently=True)


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        op.drop_index(NAME, "greetings", postgresql_concurrently=True, if_exists=True)
