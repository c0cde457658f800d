"""Roles and their grants, and locks that are put on accounts."""

import sqlalchemy as sa
from alembic import op

revision = "20261210_roles"
down_revision = "20261209_identities"
branch_labels = None
depends_on = None

SUPPORT = "Sees accounts, locks and unlocks them, and acts as accounts of lower rank."
SHIPPED = (
    ("admin", "May do everything.", ["*"]),
    ("auditor", "Reads the audit log.", ["audit:read", "roles:read"]),
    ("support", SUPPORT, ["users:read", "users:lock", "users:impersonate", "roles:read"]),
    (
        "user",
        "What every account may do.",
        [
            "profile:read", "profile:write", "items:read", "items:write", "tasks:read",
            "tasks:write", "birthdays:read", "birthdays:write", "account",
        ],
    ),
)  # fmt: skip


def upgrade() -> None:
    roles = op.create_table(
        "roles",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("scopes", sa.ARRAY(sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_roles")),
    )
    rows = [dict(zip(("name", "description", "scopes"), row, strict=True)) for row in SHIPPED]
    op.bulk_insert(roles, rows)
    op.create_table(
        "role_grants",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("granted_by", sa.Uuid(), nullable=False),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("role NOT IN ('admin', 'user')", name=op.f("ck_role_grants_role")),
        sa.ForeignKeyConstraint(["role"], ["roles.name"], name=op.f("fk_role_grants_role")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_role_grants_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "role", name=op.f("pk_role_grants")),
    )
    op.add_column("users", sa.Column("locked_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("users", sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("users", sa.Column("lock_reason", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("users", "lock_reason")
    op.drop_column("users", "locked_until")
    op.drop_column("users", "locked_at")
    op.drop_table("role_grants")
    op.drop_table("roles")
