"""Birthday greetings: one row a person and year; indexes for planning them and for old events."""

import sqlalchemy as sa
from alembic import op

revision = "20261122_greetings"
down_revision = "20261121_durable_jobs"
branch_labels = None
depends_on = None
ACCEPTED_LOCKS = {
    "require-concurrent-index-creation": "older than the first release: the tables are small"
}


def upgrade() -> None:
    op.create_table(
        "greetings",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("year", sa.SmallInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('planned', 'sending', 'sent', 'uncertain', 'skipped')",
            name=op.f("ck_greetings_state"),
        ),
        sa.CheckConstraint(
            "(state = 'skipped') = (reason IS NOT NULL)", name=op.f("ck_greetings_reason")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_greetings_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "year", name=op.f("pk_greetings")),
    )
    op.create_index("ix_greetings_due_on", "greetings", ["due_on"], unique=False)
    op.create_index(
        "ix_birthdays_month_day_user_id",
        "birthdays",
        ["month_day", "user_id"],
        unique=False,
        postgresql_where=sa.text("user_id IS NOT NULL"),
    )
    op.create_index(
        "ix_events_published_at",
        "events",
        ["published_at"],
        unique=False,
        postgresql_where=sa.text("published_at IS NOT NULL"),
    )
    op.execute(
        "INSERT INTO counters (name, value)"
        " VALUES ('greetings_planned_until', 0), ('events_published', 0)"
    )


def downgrade() -> None:
    op.execute("DELETE FROM counters WHERE name IN ('greetings_planned_until', 'events_published')")
    op.drop_index("ix_events_published_at", table_name="events")
    op.drop_index("ix_birthdays_month_day_user_id", table_name="birthdays")
    op.drop_table("greetings")
