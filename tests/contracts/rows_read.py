"""How many rows a statement reads, by the server's own count, also within functions."""

from typing import Any

from jubilee.adapters.postgres.statement import Statement

READ = """
    SELECT CAST(coalesce(sum(coalesce(idx_tup_fetch, 0) + seq_tup_read), 0) AS integer)
    FROM pg_stat_xact_user_tables WHERE relname = 'jobs'
"""


async def jobs_read(driver: Any, statement: Statement, **values: object) -> int:
    """Run the statement in a transaction of its own; return the number of rows it read of jobs."""
    async with driver.transaction():
        before: int = await driver.fetchval(READ)
        await driver.fetch(statement.sql, *statement.arguments(values))
        after: int = await driver.fetchval(READ)
        return after - before
