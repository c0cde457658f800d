"""What PostgreSQL has of an account that decides who may sign in to it, and what it may do."""

from dataclasses import dataclass
from typing import Any

from jubilee.adapters.postgres.pool import ConnectionPool

OWNERS = {
    "users": "id",
    "sessions": "user_id",
    "totp_factors": "user_id",
    "recovery_codes": "user_id",
    "passkeys": "user_id",
    "identities": "user_id",
    "api_tokens": "user_id",
    "role_grants": "user_id",
    "service_accounts": "owner_id",
    "account_deletions": "user_id",
    "exports": "user_id",
    "invites": "invited_by",
}
"""Each table, and the column of the account that a row belongs to."""
VOLATILE = ["seen_at", "last_used_at", "updated_at", "last_step", "sign_count", "ip", "rotated_at"]
SELECT = "SELECT {}".format(
    ", ".join(
        f"(SELECT coalesce(jsonb_agg(to_jsonb(t) - $2::text[] ORDER BY to_jsonb(t)::text), '[]')"
        f" FROM {table} t WHERE t.{owner} = u.id) AS {table}"
        for table, owner in OWNERS.items()
    )
    + " FROM users u WHERE u.username_key = $1"
)


@dataclass(frozen=True, slots=True)
class AccountRows:
    """The rows of one account by table; none of an account that does not exist."""

    tables: dict[str, list[dict[str, Any]]]

    @property
    def counts(self) -> dict[str, int]:
        """How many rows each table has."""
        return {table: len(rows) for table, rows in self.tables.items()}

    def sessions_without_factor(self, before: "AccountRows") -> list[str]:
        """Return the sessions opened since then without the second factor that the account has."""
        if not any(row["confirmed_at"] for row in before.tables.get("totp_factors", [])):
            return []
        known = {row["id"] for row in before.tables["sessions"]}
        opened = [row for row in self.tables.get("sessions", []) if row["id"] not in known]
        return [row["id"] for row in opened if not row["second_factor"]]

    @property
    def rights(self) -> set[str]:
        """The roles of the account."""
        users, grants = self.tables.get("users", []), self.tables.get("role_grants", [])
        return {row["role"] for row in grants} | {"admin" for row in users if row["is_superuser"]}


async def read_rows(pool: ConnectionPool, username: str) -> AccountRows:
    """Read the rows of the account of this name."""
    async with pool.connection() as driver:
        row = await driver.fetchrow(SELECT, username, VOLATILE)
    return AccountRows({} if row is None else {table: row[table] for table in OWNERS})
