"""Plans of the statements on the audit log."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres import audit_chain
from jubilee.adapters.postgres.audit import addresses_statement, page_statement
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.statement import Statement

NOW = datetime.now(UTC)
ID = new_id()
ROWS = """
    INSERT INTO audit_entries (id, event, actor_id, subject_id, occurred_at, details, client_hash,
        seal)
    SELECT gen_random_uuid(), 'event' || n % 20, gen_random_uuid(), gen_random_uuid(),
        now() - n * interval '1 s', '{}', 'x', CASE WHEN n > 100 THEN n / 100 END
    FROM generate_series(1, 3000) AS n;
    INSERT INTO audit_seals SELECT n, now(), 100, 'x' FROM generate_series(1, 3000) AS n;
    ANALYZE;
    SET enable_seqscan = off
"""
VALUES = {
    "event": "event7",
    "actor_id": ID,
    "subject_id": ID,
    "since": NOW - timedelta(minutes=9),
    "until": NOW,
}
INDEXES = {
    (): "ix_audit_entries_occurred_at_id",
    ("since", "until"): "ix_audit_entries_occurred_at_id",
    ("event",): "ix_audit_entries_event_occurred_at_id",
    ("actor_id",): "ix_audit_entries_actor_id_occurred_at_id",
    ("subject_id",): "ix_audit_entries_subject_id_occurred_at_id",
    ("subject_id", "since", "until"): "ix_audit_entries_subject_id_occurred_at_id",
}
"""The index of a list, by the names of its conditions."""

CHAIN: tuple[tuple[Statement, dict[str, object], str], ...] = (
    (audit_chain.UNSEALED, {"rows": 500}, "ix_audit_entries_seal_id"),
    (audit_chain.ENTRIES, {"after": 3, "last": 9, "rows": 500}, "ix_audit_entries_seal_id"),
    (audit_chain.SEALS, {"after": 3, "rows": 10}, "pk_audit_seals"),
    (audit_chain.ERASE, {"first": 3, "last": 9}, "ix_audit_entries_seal_id"),
    (audit_chain.PRUNE_ENTRIES, {"first": 3, "last": 9}, "ix_audit_entries_seal_id"),
    (audit_chain.PRUNE_SEALS, {"first": 3, "last": 9}, "pk_audit_seals"),
)


@pytest.fixture
async def filled(pool: ConnectionPool) -> ConnectionPool:
    """A database with 3000 entries, and one connection that avoids sequential scans."""
    async with pool.connection() as driver:
        await driver.execute(ROWS)
    return pool


async def plan(pool: ConnectionPool, statement: Statement, values: dict[str, object]) -> str:
    async with pool.connection() as driver:
        sql = f"EXPLAIN {statement.sql}"
        rows: list[Any] = await driver.fetch(sql, *statement.arguments(values))
    return "\n".join(row[0] for row in rows)


async def test_every_list_of_entries_uses_its_index(filled: ConnectionPool) -> None:
    for names, index in INDEXES.items():
        for after in ({}, {"last": NOW, "last_id": ID}):
            statement = page_statement(frozenset(names), continued=bool(after))
            values = {name: VALUES[name] for name in names} | after | {"rows": 21}
            found = await plan(filled, statement, values)
            assert index in found, f"{names}\n{found}"
            assert "Sort" not in found, f"{names}\n{found}"


async def test_the_addresses_of_an_accounts_sign_ins_are_found_by_an_index(
    filled: ConnectionPool,
) -> None:
    names = ("event", "subject_id", "since")
    values = {name: VALUES[name] for name in names} | {"rows": 100}
    found = await plan(filled, addresses_statement(frozenset(names)), values)
    assert "ix_audit_entries_subject_id_occurred_at_id" in found, found


async def test_every_statement_on_the_chain_uses_its_index(filled: ConnectionPool) -> None:
    for statement, values, index in CHAIN:
        found = await plan(filled, statement, values)
        assert index in found, f"{statement.display}\n{found}"
