"""The server's number of connections, and how many the pools of all instances may open.

Each API and worker process names its connections `jubilee-<role>/<size of its pool> <host>:<pid>`,
which `pg_stat_activity` shows to all sessions of the same role. One whose DATABASE_URL sets an
`application_name` of its own keeps that, and is not counted.
"""

import re
from dataclasses import dataclass

from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.statement import Executor, Statement
from jubilee.domain.health import ConnectionBudget

INSTANCE = re.compile(r"jubilee-[a-z]+/([0-9]{1,6}) ")

CAPACITY = Statement.from_sql(
    """
    SELECT count(*) AS opened,
        array_agg(DISTINCT application_name) FILTER (WHERE application_name LIKE 'jubilee-%/%')
            AS names,
        CAST(current_setting('max_connections') AS integer)
            - CAST(current_setting('superuser_reserved_connections') AS integer)
            - CAST(coalesce(nullif(current_setting('reserved_connections', true), ''), '0')
                AS integer) AS usable
    FROM pg_stat_activity WHERE datid IS NOT NULL
    """
)


@dataclass(frozen=True, slots=True)
class PostgresCapacity:
    """Reads the numbers from the server; raises Unavailable."""

    pool: ConnectionPool

    async def __call__(self) -> ConnectionBudget:
        async with self.pool.connection() as driver:
            row = await Executor(driver).first(CAPACITY)
        assert row is not None  # an aggregate always has a row
        sizes = [INSTANCE.match(name) for name in row["names"] or ()]
        pooled = [int(found[1]) for found in sizes if found]
        return ConnectionBudget(len(pooled), sum(pooled), row["opened"], row["usable"])
