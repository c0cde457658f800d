"""Numbers of birthday greetings by state, for metrics and operators."""

from collections.abc import Mapping

from jubilee.adapters.postgres.statement import Executor, Statement

STATES = ("planned", "sending", "sent", "uncertain", "skipped")
MAX_COUNTED = 10_000  # greetings of a state; of more the number is estimated

OF_YEAR = """due_on >= CAST(date_trunc('year', now()) AS date)
    AND due_on < CAST(date_trunc('year', now()) + interval '1 year' AS date)"""
COUNTS = Statement.from_sql(
    """
    SELECT states.state, (
        SELECT count(*) FROM (
            SELECT FROM greetings WHERE greetings.state = states.state AND {year} LIMIT {limit}
        ) AS counted
    ) AS number
    FROM unnest(CAST(:states AS text[])) AS states (state)
    """,
    year=OF_YEAR,
    limit=MAX_COUNTED,
)
# The planner's number: by what the last ANALYZE found, and by the present size of the table.
ESTIMATE = Statement.from_sql(
    """
    EXPLAIN (FORMAT JSON) SELECT FROM greetings WHERE state = CAST(:state AS text) AND {year}
    """,
    year=OF_YEAR,
)
# Each day by itself: so those of a day that are not due yet are not read.
MISSING = Statement.from_sql(
    """
    SELECT count(*) AS number FROM (
        SELECT FROM greetings
        WHERE state IN ('planned', 'sending') AND due_at < now() - interval '1 hour' AND due_on IN (
            current_date - 3, current_date - 2, current_date - 1, current_date, current_date + 1
        )
        LIMIT {limit}
    ) AS counted
    """,
    limit=MAX_COUNTED,
)


async def count_greetings(executor: Executor) -> Mapping[str, int]:
    """Count this year's greetings by state; estimate how many there are beyond MAX_COUNTED."""
    rows = await executor.all(COUNTS, states=list(STATES))
    counts = {row["state"]: row["number"] for row in rows}
    for state in [state for state, number in counts.items() if number == MAX_COUNTED]:
        counts[state] = max(MAX_COUNTED, await _estimate(executor, state))
    return counts


async def count_missing(executor: Executor) -> int:
    """Count greetings that have been due for an hour and are not sent, up to MAX_COUNTED."""
    row = await executor.first(MISSING)
    assert row is not None, "a count has a row"
    number: int = row["number"]
    return number


async def _estimate(executor: Executor, state: str) -> int:
    row = await executor.first(ESTIMATE, state=state)
    assert row is not None, "EXPLAIN has a row"
    [plan] = row[0]
    number: int = plan["Plan"]["Plan Rows"]
    return number
