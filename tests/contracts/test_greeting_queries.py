"""Plans of the statements of planning and retention."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from jubilee.adapters.postgres import event_relay, greeting_counts, greetings, retention
from jubilee.adapters.postgres.birthday_window import WITHIN
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.statement import Statement
from jubilee.domain.retention import ExpiringData
from tests.contracts.accounts import MANY_USERS

TODAY = date(2026, 11, 20)
BIRTHDAYS = """
    INSERT INTO birthdays (id, user_id, date_of_birth, created_at, updated_at)
    SELECT gen_random_uuid(), id, date '1990-01-01' + (email::integer % 365), now(), now()
    FROM users
"""
# All that strangers may do about it: they save the day that is today.
ANONYMOUS = """
    INSERT INTO birthdays (id, name, name_key, date_of_birth, created_at, updated_at)
    SELECT gen_random_uuid(), n, n, '1990-11-20', now(), now() FROM generate_series(1, 8000) AS n
"""
GREETINGS = """
    INSERT INTO greetings (user_id, year, state, due_on, due_at, created_at)
    SELECT user_id, year, 'sent', date_of_birth + 365 * (year - 1990), now(), now()
    FROM birthdays, generate_series(2023, 2025) AS year WHERE user_id IS NOT NULL
"""
EVENTS = """
    INSERT INTO events (id, kind, data, occurred_at, published_at)
    SELECT gen_random_uuid(), 'ItemCreated', '{}', now(), now() - n * interval '1 hour'
    FROM generate_series(1, 4000) AS n
"""
FILL = (BIRTHDAYS, ANONYMOUS, GREETINGS, EVENTS, "ANALYZE")


@pytest.fixture
async def full(pool: ConnectionPool) -> ConnectionPool:
    """Three years of greetings for 4000 accounts, and 8000 anonymous birthdays."""
    async with pool.connection() as driver:
        await driver.execute(MANY_USERS, 4000)
        for sql in FILL:
            await driver.execute(sql)
    return pool


async def plan(pool: ConnectionPool, statement: Statement, **values: object) -> list[Any]:
    """Return the nodes of the executed plan, from the top down."""
    async with pool.connection() as driver:
        sql = f"EXPLAIN (ANALYZE, FORMAT JSON) {statement.sql}"
        [top] = await driver.fetchval(sql, *statement.arguments(values))
    return list(_nodes(top["Plan"]))


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for inner in node.get("Plans", ()):
        yield from _nodes(inner)


async def test_a_page_of_todays_birthdays_reads_no_more_of_the_day(full: ConnectionPool) -> None:
    values = {"days": [TODAY], "month_days": [1120], "previous": [date(2025, 11, 20)]}
    bounds = {"last_ids": [UUID(int=0)], "today": TODAY, "ahead": "{}", "nearest": 0, "furthest": 0}
    nodes = await plan(full, WITHIN, rows=21, **values, **bounds)
    [day] = [node for node in nodes if node.get("Index Name") == "ix_birthdays_month_day_id"]
    assert day["Actual Rows"] == 21


async def test_planning_reads_only_accounts_born_on_the_day(full: ConnectionPool) -> None:
    values = {"month_day": 1120, "day": TODAY, "year": 2026, "idle": ["Asia/Tokyo"]}
    values |= {"default_zone": "UTC"}
    nodes = await plan(full, greetings.CANDIDATES, after=UUID(int=0), rows=200, **values)
    assert "ix_birthdays_month_day_user_id" in {node.get("Index Name") for node in nodes}
    rows = [node["Actual Rows"] * node["Actual Loops"] for node in nodes]
    assert max(rows) < 30, nodes
    assert not [node for node in nodes if node["Node Type"] == "Seq Scan"]


async def test_greetings_are_counted_by_an_index_of_their_states(full: ConnectionPool) -> None:
    for statement in (greeting_counts.COUNTS, greeting_counts.MISSING):
        nodes = await plan(full, statement, states=["sent"])
        [scan] = [node for node in nodes if "Index Name" in node]
        assert scan["Index Name"] == "ix_greetings_state_due_on_due_at"
        assert "Filter" not in scan


@pytest.mark.parametrize(
    ("statement", "index", "values"),
    [
        (
            retention.DELETE_GREETINGS,
            "ix_greetings_due_on",
            {"before": date(2023, 1, 9), "rows": 9},
        ),
        (
            retention.DELETE[ExpiringData.SESSIONS],
            "ix_sessions_expires_at",
            {"kept": timedelta(), "rows": 9},
        ),
        (event_relay.PRUNE, "ix_events_published_at", {"days": 160.0, "rows": 9}),
    ],
)
async def test_old_rows_are_found_by_an_index(
    full: ConnectionPool, statement: Statement, index: str, values: dict[str, object]
) -> None:
    async with full.connection() as driver:
        await driver.execute("SET enable_seqscan = off")
    nodes = await plan(full, statement, **values)
    assert index in {node.get("Index Name") for node in nodes}
