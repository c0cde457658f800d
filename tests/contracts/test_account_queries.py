"""Plans of the statements on accounts and sessions."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres import birthdays, roles, sessions, users
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.search import HINTED, query
from jubilee.adapters.postgres.statement import Statement

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
ID = new_id()
ROWS = """
    INSERT INTO users (id, email, email_key, username, username_key, full_name, is_active,
                       is_superuser, birthday_greeting, created_at, updated_at)
    SELECT gen_random_uuid(), n, n, n, n, 'Name' || n, true, n % 500 = 0, true,
           now() - n * interval '1 s', now()
    FROM generate_series(1, 3000) AS n;
    INSERT INTO birthdays (id, user_id, created_at, updated_at)
    SELECT gen_random_uuid(), id, now(), now() FROM users;
    INSERT INTO sessions
    SELECT gen_random_uuid(), id, 1, 'x', NULL, now(), now() + interval '1 day', now(), NULL, NULL
    FROM users, generate_series(1, 5);
    ANALYZE;
    SET enable_seqscan = off
"""
ONE_SESSION = r"Index Scan (using|on) pk_sessions"
# The first rows in their order, and all matches only if too few of those match.
SEARCH_FIRST = r"(?s)CTE near.*ix_users_created_at_id.*CTE found.*ix_users_words.*CTE Scan on found"

STATEMENTS: dict[str, tuple[Statement, dict[str, object], str]] = {
    "get": (users.GET, {"keys": [ID]}, "pk_users"),
    "lock": (users.LOCK, {"user_id": ID}, "pk_users"),
    "sign in": (users.BY_LOGIN, {"email": "7", "name": "7"}, "uq_users_username_key"),
    "admins": (users.LOCK_ADMINS, {}, "ix_users_admins"),
    "search": (
        users._page(looks=HINTED, continued=False),
        {"rows": 21, **query("Name7").values},
        SEARCH_FIRST,
    ),
    "first page": (
        users._page(looks=None, continued=False),
        {"rows": 21},
        "ix_users_created_at_id",
    ),
    "next page": (
        users._page(looks=None, continued=True),
        {"rows": 21, "created_at": NOW, "last_id": ID},
        "ix_users_created_at_id",
    ),
    "check": (sessions.CHECK, {"keys": [ID]}, ONE_SESSION),
    "rights of a session": (
        sessions.CHECK,
        {"keys": [ID]},
        r"(?s)pk_roles.*pk_role_grants|pk_role_grants.*pk_roles",
    ),
    "birthday": (birthdays.FIND, {"keys": ["zoe"]}, "uq_birthdays_name_key"),
    "acting": (sessions.ACTING, {"session_id": ID, "user_id": ID, "actor_id": ID}, ONE_SESSION),
    "grants": (roles.GRANTED, {"user_id": ID}, "pk_role_grants"),
    "sessions": (sessions.LIST, {"user_id": ID}, "ix_sessions_user_id_created_at_id"),
    "prune": (sessions.PRUNE, {"user_id": ID, "at": NOW}, "ix_sessions_user_id_created_at_id"),
    "end all": (
        sessions.END_ALL,
        {"user_id": ID, "but": None},
        "ix_sessions_user_id_created_at_id",
    ),
}


@pytest.fixture
async def filled(pool: ConnectionPool) -> ConnectionPool:
    """A database with 3000 accounts, and one connection that avoids sequential scans.

    Each has several sessions, or the index of an account's would be as cheap as that of one.
    """
    async with pool.connection() as driver:
        await driver.execute(ROWS)
    return pool


async def test_every_statement_uses_its_index(filled: ConnectionPool) -> None:
    async with filled.connection() as driver:
        for name, (statement, values, index) in STATEMENTS.items():
            sql = f"EXPLAIN {statement.sql}"
            rows: list[Any] = await driver.fetch(sql, *statement.arguments(values))
            plan = "\n".join(row[0] for row in rows)
            assert re.search(index, plan), f"{name}\n{plan}"
            assert "Seq Scan" not in plan, f"{name}\n{plan}"
