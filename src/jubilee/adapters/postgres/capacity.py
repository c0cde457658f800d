"""The server's number of connections, and how many the pools of all instances may open.

Each API and worker process names its connections `jubilee/<size of its pool> <host>:<pid>`,
which `pg_stat_activity` shows to all sessions of the same role. One whose DATABASE_URL sets an
`application_name` of its own keeps that, and is not counted.
"""

import os
import re
from dataclasses import dataclass
from socket import gethostname
from urllib.parse import parse_qs, quote, urlsplit

from sqlalchemy import text

from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.statement import Executor, Statement
from jubilee.domain.health import ConnectionBudget

NAME = "application_name"
INSTANCE = re.compile(r"jubilee/([0-9]{1,6}) ")
MAX_HOST_CHARS = 40  # PostgreSQL keeps 63 bytes of the name

CAPACITY = Statement(
    text("""
    SELECT count(*) AS opened,
        array_agg(DISTINCT application_name) FILTER (WHERE application_name LIKE 'jubilee/%')
            AS names,
        CAST(current_setting('max_connections') AS integer)
            - CAST(current_setting('superuser_reserved_connections') AS integer)
            - CAST(coalesce(nullif(current_setting('reserved_connections', true), ''), '0')
                AS integer) AS usable
    FROM pg_stat_activity WHERE datid IS NOT NULL
    """)
)


def instance_url(url: str, pool_size: int) -> str:
    """The URL with this process' name for its connections, unless it has one already."""
    if NAME in parse_qs(urlsplit(url).query):
        return url
    name = f"jubilee/{pool_size} {gethostname()[:MAX_HOST_CHARS]}:{os.getpid()}"
    return f"{url}{'&' if '?' in url else '?'}{NAME}={quote(name, safe='')}"


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
