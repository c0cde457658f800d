"""Jobs as relays read them: due, unclaimed, with an expired lease, ended long ago.

Every statement handles a bounded number of rows.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from asyncpg import Record

from jubilee.adapters.postgres.documents import encode, read_object
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.statement import Statement
from jubilee.domain.jobs.kinds import JobQueueName
from jubilee.domain.jobs.queue import MAX_PRIORITY
from jubilee.domain.jobs.retries import (
    MAX_CRASHES,
    lease_expired_error,
    max_crash_backoffs,
    max_crashes_error,
)
from jubilee.domain.jobs.store import (
    UNCLAIMED_AFTER_S,
    Dispatch,
    DueJobPosition,
    DueJobStore,
    DueSummary,
    ExpiredJob,
    JobReference,
    UnclaimedPage,
)

UNCLAIMED = f"dispatched_at < now() - interval '{UNCLAIMED_AFTER_S:g} seconds'"
LEVELS = f"generate_series(0, {MAX_PRIORITY})"
QUEUES = [queue.value for queue in JobQueueName]  # a newer version may know more of them
# One index scan for each priority: jobs that are due later are not read.
# Levels are sorted first: sorted last, up to ten times the limit would be locked.
# MATERIALIZED, or the planner might lock and mark more rows than the limit says.
MARK_DUE = Statement.from_sql(
    """
    WITH due AS MATERIALIZED (
        SELECT found.id
        FROM (SELECT level FROM {levels} AS level ORDER BY level) AS urgency
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
    """,
    levels=LEVELS,
)
# The row comparison is a condition of the index: every page costs the same.
WAITING = Statement.from_sql(
    """
    SELECT found.id, epoch, lane, level AS priority, kind, run_at
    FROM generate_series(CAST(:level AS integer), {max_priority}) AS level
    CROSS JOIN LATERAL (
        SELECT id, epoch, lane, kind, run_at FROM jobs
        WHERE status = 'queued' AND priority = level AND run_at <= now()
            AND (run_at, id) > (
                CASE WHEN level = CAST(:level AS integer) THEN CAST(:run_at AS timestamptz)
                    ELSE '-infinity' END,
                CASE WHEN level = CAST(:level AS integer) THEN CAST(:id AS uuid)
                    ELSE CAST('{first_id}' AS uuid) END
            )
            AND kind = ANY(CAST(:kinds AS text[])) AND lane = ANY(CAST(:queues AS text[]))
            AND {unclaimed}
        ORDER BY run_at, id LIMIT :rows
    ) AS found
    ORDER BY level, run_at, found.id LIMIT :rows
    """,
    max_priority=MAX_PRIORITY,
    first_id=UUID(int=0),
    unclaimed=UNCLAIMED,
)
FIRST = (0, datetime.min.replace(tzinfo=UTC), UUID(int=0))
# The wait is a random part of the longest one, so that jobs of one dead worker are separated.
EXPIRE = Statement.from_sql(
    """
    WITH lost AS MATERIALIZED (
        SELECT id, crashes + 1 >= CAST(:max_crashes AS integer) AS crashed,
            attempts >= max_attempts AS spent
        FROM jobs WHERE status = 'running' AND lease_until < now() AND cancel_requested_at IS NULL
        ORDER BY lease_until LIMIT :rows FOR UPDATE SKIP LOCKED
    )
    UPDATE jobs SET
        status = CASE WHEN crashed OR spent THEN 'dead' ELSE 'queued' END,
        finished_at = CASE WHEN crashed OR spent THEN now() END,
        run_at = CASE WHEN crashed THEN run_at ELSE now() + interval '1 second' * random()
            * (CAST(:longest_waits AS float[]))[crashes + 1] END,
        crashes = crashes + 1,
        error = CASE WHEN crashed THEN CAST(:crashed_error AS jsonb)
            ELSE CAST(:expired_error AS jsonb) END,
        dispatched_at = NULL, lease_until = NULL, worker_id = NULL
    FROM lost WHERE jobs.id = lost.id RETURNING jobs.id
    """
)
EXPIRED_CANCELLATIONS = Statement.from_sql(
    """
    SELECT id, epoch, kind, CAST(data AS text) AS data FROM jobs
    WHERE status = 'running' AND lease_until < now() AND cancel_requested_at IS NOT NULL
    ORDER BY lease_until LIMIT :rows
    """
)
PRUNE = Statement.from_sql(
    """
    DELETE FROM jobs WHERE id IN (
        SELECT id FROM jobs
        WHERE finished_at < now() - CAST(:days AS float) * interval '1 day'
        ORDER BY finished_at LIMIT :rows FOR UPDATE SKIP LOCKED
    ) RETURNING id
    """
)
DUE_SUMMARY = Statement.from_sql(
    """
    SELECT (
        SELECT CAST(extract(epoch FROM min(soonest.run_at) - now()) AS float)
        FROM {levels} AS urgency
        CROSS JOIN LATERAL (
            SELECT run_at FROM jobs
            WHERE status = 'queued' AND priority = urgency AND run_at > now()
                AND kind = ANY(CAST(:kinds AS text[]))
            ORDER BY run_at LIMIT 1
        ) AS soonest
    ) AS seconds, EXISTS (
        SELECT FROM {levels} AS urgency
        CROSS JOIN LATERAL (
            SELECT FROM jobs
            WHERE status = 'queued' AND priority = urgency AND run_at <= now()
                AND kind = ANY(CAST(:kinds AS text[])) AND lane = ANY(CAST(:queues AS text[]))
                AND {unclaimed}
            LIMIT 1
        ) AS waiting
    ) AS waits
    """,
    levels=LEVELS,
    unclaimed=UNCLAIMED,
)


@dataclass(frozen=True, slots=True)
class PostgresDueJobs(DueJobStore):
    """Any number of relays may call these at once: locked rows are skipped.

    A job whose worker died is dead after `max_crashes` such attempts.
    """

    pool: ConnectionPool
    max_crashes: int = MAX_CRASHES

    async def mark_due(self, kinds: Collection[str], *, limit: int) -> Sequence[Dispatch]:
        async with self.pool.executor() as executor:
            rows = await executor.all(MARK_DUE, kinds=list(kinds), queues=QUEUES, rows=limit)
        return [_dispatch(row) for row in rows]

    async def unclaimed(
        self, kinds: Collection[str], *, after: DueJobPosition | None, limit: int
    ) -> UnclaimedPage:
        level, run_at, job_id = after or FIRST
        async with self.pool.executor() as executor:
            rows = await executor.all(
                WAITING,
                kinds=list(kinds),
                queues=QUEUES,
                rows=limit,
                level=level,
                run_at=run_at,
                id=job_id,
            )
        last = rows[-1] if len(rows) == limit else None
        return UnclaimedPage(
            [_dispatch(row) for row in rows],
            None if last is None else (last["priority"], last["run_at"], last["id"]),
        )

    async def expire_leases(self, *, limit: int) -> int:
        return await self._count(
            EXPIRE,
            rows=limit,
            max_crashes=self.max_crashes,
            longest_waits=max_crash_backoffs(self.max_crashes),
            crashed_error=encode(max_crashes_error(self.max_crashes)),
            expired_error=encode(lease_expired_error()),
        )

    async def expired_cancellations(self, *, limit: int) -> Sequence[ExpiredJob]:
        async with self.pool.executor() as executor:
            rows = await executor.all(EXPIRED_CANCELLATIONS, rows=limit)
        return [
            ExpiredJob(JobReference(row["id"], row["epoch"]), row["kind"], read_object(row["data"]))
            for row in rows
        ]

    async def prune(self, *, days: float, limit: int) -> int:
        return await self._count(PRUNE, days=days, rows=limit)

    async def due_summary(self, kinds: Collection[str]) -> DueSummary:
        async with self.pool.executor() as executor:
            row = await executor.first(DUE_SUMMARY, kinds=list(kinds), queues=QUEUES)
        assert row is not None  # a SELECT of sub-queries always has a row
        return DueSummary(row["seconds"], row["waits"])

    async def _count(self, statement: Statement, **values: object) -> int:
        async with self.pool.executor() as executor:
            return len(await executor.all(statement, **values))


def _dispatch(row: Record) -> Dispatch:
    reference = JobReference(row["id"], row["epoch"])
    return Dispatch(reference, JobQueueName(row["lane"]), row["priority"], row["kind"])
