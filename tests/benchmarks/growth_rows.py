"""Rows for `tests.benchmarks.growth`: accounts with greetings, items and tasks, written by SQL.

Row n of each table is the same at every size. Ids and times ascend with n, as in production; ten
items and ten tasks in a row have one owner.
"""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from asyncpg import Connection, Record

NEWEST = datetime(2026, 11, 20, tzinfo=UTC)
FIRST = NEWEST - timedelta(days=365)
COMMON, RARE = "fairy", "comet"
IN_20, IN_200, OLD = "lantern", "beacon", "tinsel"
"""Words of titles and full names: in each row, in one of 10 000, of 20, of 200; in one of 20, but
not of the newest 1000 of each 10 000."""

WORDS = f"""concat_ws(' ', '{COMMON}',
    CASE WHEN n % 10000 = 0 THEN '{RARE}' END,
    CASE WHEN n % 20 = 0 THEN '{IN_20}' END,
    CASE WHEN n % 200 = 0 THEN '{IN_200}' END,
    CASE WHEN n % 20 = 10 AND (n - 1) % 10000 < 9000 THEN '{OLD}' END)"""
ID = "CAST(lpad(to_hex({}), 32, '0') AS uuid)"
OWNER = ID.format("1 + (n - 1) / 10")
MOMENT = f"CAST('{FIRST.isoformat()}' AS timestamptz) + n * interval '1 second'"
NUMBERS = "FROM generate_series(CAST($1 AS integer), CAST($2 AS integer)) AS n"

FILL = (
    f"""
    INSERT INTO users (id, email, email_key, username, username_key, full_name, is_active,
        is_superuser, birthday_greeting, created_at, updated_at)
    SELECT {ID.format("n")}, n || '@example.org', n || '@example.org', 'user' || n, 'user' || n,
        {WORDS}, true, false, true, {MOMENT}, {MOMENT}
    {NUMBERS}
    """,
    f"""
    INSERT INTO birthdays (id, name, name_key, user_id, date_of_birth, created_at, updated_at)
    SELECT {ID.format("n")}, 'user' || n, 'user' || n, {ID.format("n")},
        CAST('1990-01-01' AS date) + n % 1461, {MOMENT}, {MOMENT}
    {NUMBERS}
    """,
    f"""
    INSERT INTO items (id, owner_id, title, description, is_active, version, created_at, updated_at)
    SELECT {ID.format("n")}, {OWNER}, {WORDS} || ' ' || n, 'Twenty metres, warm white', true, 1,
        {MOMENT}, {MOMENT}
    {NUMBERS}
    """,
    f"""
    INSERT INTO greetings (user_id, year, state, due_on, due_at, created_at)
    SELECT {ID.format("n")}, extract(year FROM now()),
        CASE WHEN n % 100 = 0 THEN 'planned' ELSE 'sent' END, current_date - n % 30, now(), {MOMENT}
    {NUMBERS}
    """,
    # Of a hundred tasks five are due, five are scheduled, one ended so long ago that it is deleted.
    f"""
    INSERT INTO jobs (id, owner_id, task_id, kind, lane, data, priority, status, attempts,
        max_attempts, epoch, run_at, created_at, finished_at)
    SELECT {ID.format("n")}, {OWNER}, n, 'echo', 'user', '{{"n": 1}}', 5,
        CASE WHEN n % 100 < 10 THEN 'queued' ELSE 'succeeded' END, 0, 10, 0,
        CASE WHEN n % 100 BETWEEN 5 AND 9 THEN now() + interval '30 days' ELSE {MOMENT} END,
        {MOMENT}, CASE WHEN n % 100 = 10 THEN now() - interval '8 days'
            WHEN n % 100 > 10 THEN now() - interval '1 day' END
    {NUMBERS}
    """,
)


def row_id(number: int) -> UUID:
    """Return the id of a row."""
    return UUID(int=number)


def moment(number: int) -> datetime:
    """Return when a row was created."""
    return FIRST + timedelta(seconds=number)


async def fill(driver: "Connection[Record]", before: int, size: int) -> None:
    """Add the rows after number `before` up to number `size`, and collect statistics."""
    for sql in FILL:
        await driver.execute(sql, before + 1, size)
    await driver.execute("VACUUM (ANALYZE) users, birthdays, items, greetings, jobs")
