"""Queries of the database under test, without a proxy."""

from collections.abc import Mapping, Sequence
from json import dumps
from uuid import UUID

import asyncpg

from tests.system.chaos.background import Background

# As a migration or an older version leaves them: they are not dispatched.
ADD = """
    INSERT INTO jobs (
        id, kind, lane, data, priority, status, attempts, max_attempts, epoch, run_at, created_at,
        dispatched_at, crashes
    )
    SELECT gen_random_uuid(), $1, 'system', CAST($2 AS jsonb), 5, 'queued', 0, 1, 0,
        now(), now(), now() - $3 * interval '1 second', $4
    FROM generate_series(1, $5) RETURNING id
"""

OURS = "kind LIKE 'chaos.%'"
MOMENT = "interval '1 second'"
WAITING = f"status = 'queued' AND run_at > now() + {MOMENT}"


class Database:
    """Open a connection per query, since the server may have been down in between."""

    def __init__(self, url: str, background: Background) -> None:
        self._url, self._background = url, background

    def all(self, sql: str, *arguments: object) -> Sequence[asyncpg.Record]:
        """Return the rows."""
        return self._background.run(self._all(sql, arguments))

    def one(self, sql: str, *arguments: object) -> asyncpg.Record:
        """Return the first row."""
        return self.all(sql, *arguments)[0]

    def add_jobs(
        self,
        kind: str,
        count: int = 1,
        *,
        dispatched: float | None = None,
        crashes: int = 0,
        data: Mapping[str, object] | None = None,
    ) -> list[UUID]:
        """Add due jobs that were dispatched these seconds ago, and return their ids.

        `crashes` is how many workers each has ended before.
        """
        rows = self.all(ADD, kind, dumps(data or {}), dispatched, crashes, count)
        return [row["id"] for row in rows]

    def hurry(self) -> None:
        """Make delayed attempts due within a moment, each at its own time."""
        soon = f"now() + random() * {MOMENT}"
        self.all(f"UPDATE jobs SET run_at = {soon} WHERE {WAITING} AND {OURS}")

    def age(self) -> None:
        """Age the dispatches of unclaimed jobs so that they are repeated."""
        self.all(
            "UPDATE jobs SET dispatched_at = now() - interval '1 minute' WHERE status = 'queued'"
            f" AND dispatched_at > now() - interval '1 minute' AND {OURS}"
        )

    def live(self) -> int:
        """Return the number of live jobs."""
        return int(
            self.one(f"SELECT count(*) FROM jobs WHERE finished_at IS NULL AND {OURS}")["count"]
        )

    def status(self, job: UUID) -> str:
        """Return the status of the job."""
        return str(self.one("SELECT status FROM jobs WHERE id = $1", job)["status"])

    async def _all(self, sql: str, arguments: Sequence[object]) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self._url, timeout=10)
        try:
            return await connection.fetch(sql, *arguments, timeout=30)
        finally:
            await connection.close(timeout=10)
