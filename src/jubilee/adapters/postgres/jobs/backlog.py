"""The backlog, counted through partial indexes, and the registry of workers."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from jubilee.adapters.postgres.counter_names import PLANNED_UNTIL
from jubilee.adapters.postgres.greeting_counts import count_greetings, count_missing
from jubilee.adapters.postgres.jobs.due_jobs import LEVELS, QUEUES
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.statement import Executor, Statement
from jubilee.domain.jobs.backlog import Backlog, BacklogReader, WorkerInfo, WorkerRegistry
from jubilee.domain.jobs.kinds import KindSet
from jubilee.domain.jobs.routing import KindSetReader

STATUSES = ("queued", "running", "dead")
ALIVE = "heard_at > now() - interval '15 seconds'"
"""Condition of a live worker: it has sent a heartbeat recently."""

MAX_COUNTED = 10_000  # jobs of a queue and a status; of more the number is estimated
MAX_KINDS_COUNTED, MAX_COUNTED_OF_KIND = 100, 1000  # without a worker
MAX_UNKNOWN_KINDS = 10  # labels of a metric; producers choose the names

# Each count ends at a limit, so that it costs the same with ten million jobs. Where it does, the
# index's own estimate, as of the last VACUUM or ANALYZE, says how many of all queues there are.
JOBS = Statement.from_sql(
    """
    SELECT queues.lane, counted.* FROM unnest(CAST(:queues AS text[])) AS queues (lane)
    CROSS JOIN LATERAL (
        SELECT 'queued' AS status, count(*) AS number FROM (
            SELECT FROM jobs WHERE status = 'queued' AND jobs.lane = queues.lane LIMIT {limit}
        ) AS queued
        UNION ALL SELECT 'running', count(*) FROM (
            SELECT FROM jobs WHERE status = 'running' AND jobs.lane = queues.lane LIMIT {limit}
        ) AS running
        UNION ALL SELECT 'dead', count(*) FROM (
            SELECT FROM jobs WHERE status = 'dead' AND jobs.lane = queues.lane LIMIT {limit}
        ) AS dead
    ) AS counted
    """,
    limit=MAX_COUNTED,
)
ESTIMATES = Statement.from_sql(
    """
    SELECT relname, CAST(reltuples AS bigint) AS number FROM pg_class
    WHERE oid IN (to_regclass('ix_jobs_queued'), to_regclass('ix_jobs_dead'))
    """
)
OLDEST = Statement.from_sql(
    """
    SELECT queue AS lane,
        CAST(extract(epoch FROM now() - min(soonest.run_at)) AS float) AS seconds
    FROM {levels}
    CROSS JOIN LATERAL (
        SELECT run_at FROM jobs
        WHERE status = 'queued' AND lane = queue AND priority = level AND run_at <= now()
        ORDER BY run_at LIMIT 1
    ) AS soonest
    GROUP BY queue
    """,
    levels=LEVELS,
)
OTHER_COUNTS = Statement.from_sql(
    """
    SELECT
        (SELECT count(*) FROM jobs WHERE status = 'running' AND lease_until < now()) AS overdue,
        (SELECT CAST(extract(epoch FROM now() - occurred_at) AS float) FROM events
            WHERE published_at IS NULL ORDER BY id LIMIT 1) AS oldest_event,
        (SELECT value FROM counters WHERE name = :planned_until) AS planned_until,
        (SELECT count(*) FROM workers WHERE {alive}) AS workers,
        (SELECT count(*) FROM workers
            WHERE NOT {alive}
                AND heard_at > now() - interval '1 hour'
        ) AS workers_silent
    """,
    alive=ALIVE,
)
# Workers of older versions do not report their kinds: they may run any. The kinds of all jobs are
# found one by one in the order of an index, however many jobs there are of each.
WITHOUT_WORKER = Statement.from_sql(
    """
    WITH RECURSIVE found (kind) AS (
        SELECT least(
            (SELECT min(kind) FROM jobs WHERE task_id IS NOT NULL),
            (SELECT min(kind) FROM jobs WHERE task_id IS NULL)
        )
        UNION ALL
        SELECT least(
            (SELECT min(kind) FROM jobs WHERE task_id IS NOT NULL AND kind > found.kind),
            (SELECT min(kind) FROM jobs WHERE task_id IS NULL AND kind > found.kind)
        ) FROM found WHERE kind IS NOT NULL
    ), unknown AS (
        SELECT kind FROM found WHERE kind IS NOT NULL AND NOT EXISTS (
            SELECT FROM workers WHERE {alive} AND (kinds IS NULL OR found.kind = ANY(kinds))
        ) LIMIT {most_kinds}
    )
    (SELECT kind, number FROM unknown CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE run_at <= now()) AS number FROM (
            (SELECT run_at FROM jobs
            WHERE task_id IS NOT NULL AND kind = unknown.kind AND status = 'queued' LIMIT {most})
            UNION ALL
            (SELECT run_at FROM jobs
            WHERE task_id IS NULL AND kind = unknown.kind AND status = 'queued' LIMIT {most})
        ) AS queued
    ) AS due
    WHERE number > 0 ORDER BY number DESC, kind LIMIT {limit})
    UNION ALL
    SELECT DISTINCT unnest(kinds), 0 FROM workers WHERE {alive}
    """,
    alive=ALIVE,
    most_kinds=MAX_KINDS_COUNTED,
    most=MAX_COUNTED_OF_KIND,
    limit=MAX_UNKNOWN_KINDS,
)
KIND_SETS = Statement.from_sql(
    """
    SELECT kinds, count(*) AS number FROM workers WHERE {alive} AND kinds IS NOT NULL
    GROUP BY kinds
    """,
    alive=ALIVE,
)
HEARTBEAT = Statement.from_sql(
    """
    INSERT INTO workers (id, host, version, kinds, started_at, heard_at)
    VALUES (:id, :host, :version, CAST(:kinds AS text[]), now(), now())
    ON CONFLICT (id) DO UPDATE SET heard_at = now()
    """
)
LEAVE = Statement.from_sql("DELETE FROM workers WHERE id = :id")
PRUNE_WORKERS = Statement.from_sql("DELETE FROM workers WHERE heard_at < now() - interval '1 day'")


@dataclass(frozen=True, slots=True)
class PostgresBacklog(BacklogReader, WorkerRegistry, KindSetReader):
    """Reads the backlog; every queue, status and state is counted, at 0 where there is none.

    What reading costs does not depend on the number of jobs and greetings.
    """

    pool: ConnectionPool

    async def __call__(self) -> Backlog:
        async with self.pool.executor() as executor:
            jobs = await _count_jobs(executor)
            oldest = {
                row["lane"]: row["seconds"] for row in await executor.all(OLDEST, queues=QUEUES)
            }
            greetings = await count_greetings(executor)
            missing = await count_missing(executor)
            unknown = {row["kind"]: row["number"] for row in await executor.all(WITHOUT_WORKER)}
            rest = await executor.first(OTHER_COUNTS, planned_until=PLANNED_UNTIL)
        assert rest is not None  # a SELECT of sub-queries always has a row
        return Backlog(
            jobs=jobs,
            oldest_due={queue: oldest.get(queue, 0.0) for queue in QUEUES},
            overdue=rest["overdue"],
            oldest_event=rest["oldest_event"] or 0.0,
            greetings=greetings,
            greetings_missing=missing,
            greetings_planned_until=float(rest["planned_until"] or 0),
            workers=rest["workers"],
            workers_silent=rest["workers_silent"],
            without_worker=unknown,
        )

    async def heartbeat(self, worker: WorkerInfo) -> None:
        async with self.pool.executor() as executor:
            await executor.run(
                HEARTBEAT,
                id=worker.id,
                host=worker.host,
                version=worker.version,
                kinds=sorted(worker.kinds.names),
            )
            await executor.run(PRUNE_WORKERS)

    async def leave(self, worker_id: UUID) -> None:
        async with self.pool.executor() as executor:
            await executor.run(LEAVE, id=worker_id)

    async def kind_sets(self) -> Mapping[KindSet, int]:
        async with self.pool.executor() as executor:
            rows = await executor.all(KIND_SETS)
        return {KindSet(frozenset(row["kinds"])): row["number"] for row in rows}


async def _count_jobs(executor: Executor) -> Mapping[tuple[str, str], int]:
    """Count the jobs by queue and status; estimate how many there are beyond the limit."""
    rows = await executor.all(JOBS, queues=QUEUES)
    counts = {(row["lane"], row["status"]): row["number"] for row in rows}
    if MAX_COUNTED not in counts.values():
        return counts
    estimates = {row["relname"]: row["number"] for row in await executor.all(ESTIMATES)}
    for status in STATUSES:
        _extrapolate(counts, status, estimates.get(f"ix_jobs_{status}", 0))
    return counts


def _extrapolate(counts: dict[tuple[str, str], int], status: str, estimate: int) -> None:
    """Share the estimate, of all queues, between those where counting ended at the limit."""
    of_status = {key: count for key, count in counts.items() if key[1] == status}
    full = [key for key, count in of_status.items() if count == MAX_COUNTED]
    for key in full:
        others = sum(count for other, count in of_status.items() if other not in full)
        counts[key] = max(MAX_COUNTED, (estimate - others) // len(full))
