"""Questions to the database under test, past every proxy."""

from collections.abc import Mapping, Sequence
from json import dumps
from uuid import UUID

import asyncpg

from tests.system.chaos.background import Background

# As a migration or an older version leaves them: no announcement tells anybody.
ADD = """
    INSERT INTO jobs (
        id, kind, lane, data, priority, status, attempts, max_attempts, epoch, run_at, created_at,
        dispatched_at
    )
    SELECT gen_random_uuid(), $1, 'system', CAST($2 AS jsonb), 5, 'queued', 0, $3, 0,
        now(), now(), now() - $4 * interval '1 second'
    FROM generate_series(1, $5) RETURNING id
"""

OURS = "kind LIKE 'chaos.%'"
MOMENT = "interval '1 second'"
WAITING = f"status = 'queued' AND run_at > now() + {MOMENT}"


class Database:
    """Opens a connection for each question: the server may have been away in between."""

    def __init__(self, url: str, background: Background) -> None:
        self._url, self._background = url, background

    def all(self, sql: str, *arguments: object) -> Sequence[asyncpg.Record]:
        """The rows."""
        return self._background.run(self._all(sql, arguments))

    def one(self, sql: str, *arguments: object) -> asyncpg.Record:
        """The first row."""
        return self.all(sql, *arguments)[0]

    def add_jobs(
        self,
        kind: str,
        count: int = 1,
        *,
        dispatched: float | None = None,
        attempts: int = 10,
        data: Mapping[str, object] | None = None,
    ) -> list[UUID]:
        """Jobs that are due, and were dispatched so many seconds ago; their ids."""
        rows = self.all(ADD, kind, dumps(data or {}), attempts, dispatched, count)
        return [row["id"] for row in rows]

    def hurry(self) -> None:
        """Whoever waits long for another attempt waits a moment only, each one of its own."""
        soon = f"now() + random() * {MOMENT}"
        self.all(f"UPDATE jobs SET run_at = {soon} WHERE {WAITING} AND {OURS}")

    def age(self) -> None:
        """What was dispatched and not begun is due to be dispatched again."""
        self.all(
            "UPDATE jobs SET dispatched_at = now() - interval '1 minute' WHERE status = 'queued'"
            f" AND dispatched_at > now() - interval '1 minute' AND {OURS}"
        )

    def live(self) -> int:
        """How many of ours have yet to end."""
        return int(
            self.one(f"SELECT count(*) FROM jobs WHERE finished_at IS NULL AND {OURS}")["count"]
        )

    def status(self, job: UUID) -> str:
        """How it stands."""
        return str(self.one("SELECT status FROM jobs WHERE id = $1", job)["status"])

    async def _all(self, sql: str, arguments: Sequence[object]) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self._url, timeout=10)
        try:
            return await connection.fetch(sql, *arguments, timeout=30)
        finally:
            await connection.close(timeout=10)
