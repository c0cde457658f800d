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
from jubilee.domain.jobs.kinds import JobQueueName, KindSet
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
    QueueLevel,
    UnclaimedPage,
)

UNCLAIMED_AFTER = f"interval '{UNCLAIMED_AFTER_S:g} seconds'"
ALL_LEVELS = [(queue, level) for level in range(MAX_PRIORITY + 1) for queue in JobQueueName]
QUEUES = [queue.value for queue in JobQueueName]  # a newer version may know more of them
LEVELS = f"""
    unnest(CAST(:queues AS text[])) AS queue, generate_series(0, {MAX_PRIORITY}) AS level
"""
# These are functions in the database, whose settings make every plan use the indexes: see the
# migration of indexed job functions.
# The commit waits for no disk, for which the marks would keep their rows locked against claims. A
# mark that a crash of the server loses is made again, which leaves the message of the job as it is.
MARK_DUE = Statement.from_sql(
    """
    SELECT marked.* FROM set_config('synchronous_commit', 'off', true), mark_due_jobs(
        CAST(:kinds AS text[]), CAST(:open_queues AS text[]), CAST(:open_levels AS integer[]),
        CAST(:rows AS integer)
    ) AS marked
    """
)
WAIT_FOR_DUE = Statement.from_sql(
    """
    SELECT wait_for_due_jobs(
        CAST(:waiter AS integer), CAST(:kinds AS text[]), CAST(:queues AS text[]),
        CAST(:seconds AS float)
    ) AS is_due
    """
)
WAITING = Statement.from_sql(
    """
    SELECT * FROM find_unclaimed_jobs(
        CAST(:kinds AS text[]), CAST(:queues AS text[]), {unclaimed_after},
        CAST(:after AS timestamptz), CAST(:id AS uuid), CAST(:rows AS integer)
    )
    """,
    unclaimed_after=UNCLAIMED_AFTER,
)
FIRST = (datetime.min.replace(tzinfo=UTC), UUID(int=0))
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
    SELECT * FROM summarize_due_jobs(
        CAST(:kinds AS text[]), CAST(:queues AS text[]), {unclaimed_after}
    )
    """,
    unclaimed_after=UNCLAIMED_AFTER,
)


@dataclass(frozen=True, slots=True)
class PostgresDueJobs(DueJobStore):
    """Any number of relays may call these at once: locked rows are skipped.

    A job whose worker died is dead after `max_crashes` such attempts.
    """

    pool: ConnectionPool
    max_crashes: int = MAX_CRASHES

    async def mark_due(
        self, kinds: Collection[str], *, limit: int, full: Collection[QueueLevel] = ()
    ) -> Sequence[Dispatch]:
        levels = [level for level in ALL_LEVELS if level not in full]
        async with self.pool.executor() as executor:
            rows = await executor.all(
                MARK_DUE,
                kinds=list(kinds),
                open_queues=[queue.value for queue, _ in levels],
                open_levels=[priority for _, priority in levels],
                rows=limit,
            )
        return [_dispatch(row) for row in rows]

    async def wait_for_due(self, kinds: KindSet, seconds: float) -> bool:
        """Wait in the server, on a connection of the pool that is not measured: it is idle.

        The wait takes half of a statement's time at most.
        """
        values = WAIT_FOR_DUE.arguments(
            {
                "waiter": int(kinds.fingerprint[:8], 16) - 2**31,
                "kinds": sorted(kinds.names),
                "queues": QUEUES,
                "seconds": min(seconds, self.pool.timeout / 2),
            }
        )
        async with self.pool.connection() as driver:
            return bool(await driver.fetchval(WAIT_FOR_DUE.sql, *values))

    async def unclaimed(
        self, kinds: Collection[str], *, after: DueJobPosition | None, limit: int
    ) -> UnclaimedPage:
        dispatched_at, job_id = after or FIRST
        async with self.pool.executor() as executor:
            rows = await executor.all(
                WAITING,
                kinds=list(kinds),
                queues=QUEUES,
                rows=limit,
                after=dispatched_at,
                id=job_id,
            )
        last = rows[-1] if len(rows) == limit else None
        return UnclaimedPage(
            [_dispatch(row) for row in rows],
            None if last is None else (last["dispatched_at"], last["id"]),
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
