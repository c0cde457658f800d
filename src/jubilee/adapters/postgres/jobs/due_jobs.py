"""Jobs that somebody has to see to: due ones, let-go ones, old ones; always a bounded number."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from asyncpg import Record
from sqlalchemy import text

from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.statement import Statement
from jubilee.domain.jobs.kinds import JobQueueName
from jubilee.domain.jobs.store import (
    Dispatch,
    DueJobs,
    JobReference,
    Outlook,
    Position,
    Unclaimed,
)

UNCLAIMED = "2 seconds"
"""How long a dispatched job waits before Redis is asked whether it still holds its message."""

QUEUES = [lane.value for lane in JobQueueName]  # a newer version may know more of them
# One index scan for each priority: jobs that are due one day do not stand in the way of today's.
# Levels are sorted first: sorted last, all that are due would be locked, ten times too many.
# MATERIALIZED, or the planner might lock and mark more rows than the limit says.
MARK_DUE = Statement(
    text("""
    WITH due AS MATERIALIZED (
        SELECT found.id
        FROM (SELECT level FROM generate_series(0, 9) AS level ORDER BY level) AS urgency
        CROSS JOIN LATERAL (
            SELECT id FROM jobs
            WHERE status = 'queued' AND priority = level AND run_at <= now()
                AND kind = ANY(CAST(:kinds AS text[])) AND lane = ANY(CAST(:queues AS text[]))
                AND dispatched_at IS NULL
            ORDER BY run_at, id LIMIT :rows FOR UPDATE SKIP LOCKED
        ) AS found
        ORDER BY level LIMIT :rows
    )
    UPDATE jobs SET dispatched_at = now() FROM due WHERE jobs.id = due.id
    RETURNING jobs.id, epoch, lane, priority, kind
    """)
)
# The row comparison is a condition of the index: a page costs the same wherever it begins.
WAITING = Statement(
    text(f"""
    SELECT found.id, epoch, lane, level AS priority, kind, run_at
    FROM generate_series(CAST(:level AS integer), 9) AS level
    CROSS JOIN LATERAL (
        SELECT id, epoch, lane, kind, run_at FROM jobs
        WHERE status = 'queued' AND priority = level AND run_at <= now()
            AND (run_at, id) > (
                CASE WHEN level = CAST(:level AS integer) THEN CAST(:run_at AS timestamptz)
                    ELSE '-infinity' END,
                CASE WHEN level = CAST(:level AS integer) THEN CAST(:id AS uuid)
                    ELSE CAST('{UUID(int=0)}' AS uuid) END
            )
            AND kind = ANY(CAST(:kinds AS text[])) AND lane = ANY(CAST(:queues AS text[]))
            AND dispatched_at < now() - interval '{UNCLAIMED}'
        ORDER BY run_at, id LIMIT :rows
    ) AS found
    ORDER BY level, run_at, found.id LIMIT :rows
    """)  # noqa: S608  # constants
)
FIRST = (0, datetime.min.replace(tzinfo=UTC), UUID(int=0))
# Whoever loses its worker again and again waits ever longer: it may be what kills them. Each waits
# for a time of its own, or whoever ran beside such a job would meet it at every attempt.
EXPIRE = Statement(
    text("""
    WITH lost AS MATERIALIZED (
        SELECT id, attempts >= max_attempts AS spent, cancel_requested_at IS NOT NULL AS unwanted
        FROM jobs WHERE status = 'running' AND lease_until < now()
        ORDER BY lease_until LIMIT :rows FOR UPDATE SKIP LOCKED
    )
    UPDATE jobs SET
        status = CASE WHEN unwanted THEN 'cancelled' WHEN spent THEN 'dead' ELSE 'queued' END,
        finished_at = CASE WHEN unwanted OR spent THEN now() END,
        run_at = now() + interval '1 second' * (
            least(3600, power(greatest(attempts - 3, 0), 4)) * (0.5 + random() / 2)
            + (attempts - 1) * random()
        ),
        error = jsonb_build_object('code', 'lease_expired', 'message', 'The worker went away.'),
        dispatched_at = NULL, lease_until = NULL, worker_id = NULL
    FROM lost WHERE jobs.id = lost.id RETURNING jobs.id
    """)
)
PRUNE = Statement(
    text("""
    DELETE FROM jobs WHERE id IN (
        SELECT id FROM jobs
        WHERE finished_at < now() - CAST(:days AS float) * interval '1 day'
        ORDER BY finished_at LIMIT :rows FOR UPDATE SKIP LOCKED
    ) RETURNING id
    """)
)
OUTLOOK = Statement(
    text(f"""
    SELECT (
        SELECT CAST(extract(epoch FROM min(soonest.run_at) - now()) AS float)
        FROM generate_series(0, 9) AS urgency
        CROSS JOIN LATERAL (
            SELECT run_at FROM jobs
            WHERE status = 'queued' AND priority = urgency AND run_at > now()
                AND kind = ANY(CAST(:kinds AS text[]))
            ORDER BY run_at LIMIT 1
        ) AS soonest
    ) AS seconds, EXISTS (
        SELECT FROM generate_series(0, 9) AS urgency
        CROSS JOIN LATERAL (
            SELECT FROM jobs
            WHERE status = 'queued' AND priority = urgency AND run_at <= now()
                AND kind = ANY(CAST(:kinds AS text[])) AND lane = ANY(CAST(:queues AS text[]))
                AND dispatched_at < now() - interval '{UNCLAIMED}'
            LIMIT 1
        ) AS waiting
    ) AS waits
    """)  # noqa: S608  # a constant
)


@dataclass(frozen=True, slots=True)
class PostgresDueJobs(DueJobs):
    """Any number of relays may call these at once: locked rows are skipped."""

    pool: ConnectionPool

    async def mark_due(self, kinds: Collection[str], *, limit: int) -> Sequence[Dispatch]:
        async with self.pool.executor() as executor:
            rows = await executor.all(MARK_DUE, kinds=list(kinds), queues=QUEUES, rows=limit)
        return [_dispatch(row) for row in rows]

    async def unclaimed(
        self, kinds: Collection[str], *, after: Position | None, limit: int
    ) -> Unclaimed:
        level, run_at, job_id = after or FIRST
        place = {"level": level, "run_at": run_at, "id": job_id}
        async with self.pool.executor() as executor:
            rows = await executor.all(
                WAITING, kinds=list(kinds), queues=QUEUES, rows=limit, **place
            )
        last = rows[-1] if len(rows) == limit else None
        return Unclaimed(
            [_dispatch(row) for row in rows],
            None if last is None else (last["priority"], last["run_at"], last["id"]),
        )

    async def expire_leases(self, *, limit: int) -> int:
        return await self._count(EXPIRE, rows=limit)

    async def prune(self, *, days: float, limit: int) -> int:
        return await self._count(PRUNE, days=days, rows=limit)

    async def outlook(self, kinds: Collection[str]) -> Outlook:
        async with self.pool.executor() as executor:
            row = await executor.first(OUTLOOK, kinds=list(kinds), queues=QUEUES)
        assert row is not None  # a SELECT of sub-queries always has a row
        return Outlook(row["seconds"], row["waits"])

    async def _count(self, statement: Statement, **values: object) -> int:
        async with self.pool.executor() as executor:
            return len(await executor.all(statement, **values))


def _dispatch(row: Record) -> Dispatch:
    reference = JobReference(row["id"], row["epoch"])
    return Dispatch(reference, JobQueueName(row["lane"]), row["priority"], row["kind"])
