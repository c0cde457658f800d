"""The backlog, counted through partial indexes, and the registry of workers."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from uuid import UUID

from jubilee.adapters.postgres.counter_names import PLANNED_UNTIL
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.statement import Statement
from jubilee.domain.jobs.backlog import Backlog, BacklogReader, WorkerInfo, WorkerRegistry
from jubilee.domain.jobs.kinds import JobQueueName, KindSet
from jubilee.domain.jobs.routing import KindSetReader

STATUSES = ("queued", "running", "dead")
STATES = ("planned", "sending", "sent", "uncertain", "skipped")
QUEUES = tuple(queue.value for queue in JobQueueName)
ALIVE = "heard_at > now() - interval '15 seconds'"
"""Condition of a live worker: it has sent a heartbeat recently."""

MAX_UNKNOWN_KINDS = 10  # labels of a metric; producers choose the names

JOBS = Statement.from_sql(
    """
    SELECT lane, 'queued' AS status, count(*) AS number FROM jobs
    WHERE status = 'queued' GROUP BY lane
    UNION ALL SELECT lane, 'running', count(*) FROM jobs WHERE status = 'running' GROUP BY lane
    UNION ALL SELECT lane, 'dead', count(*) FROM jobs WHERE status = 'dead' GROUP BY lane
    """
)
OLDEST = Statement.from_sql(
    """
    SELECT lane, CAST(extract(epoch FROM now() - min(run_at)) AS float) AS seconds
    FROM jobs WHERE status = 'queued' AND run_at <= now() GROUP BY lane
    """
)
OTHER_COUNTS = Statement.from_sql(
    """
    SELECT
        (SELECT count(*) FROM jobs WHERE status = 'running' AND lease_until < now()) AS overdue,
        (SELECT CAST(extract(epoch FROM now() - occurred_at) AS float) FROM events
            WHERE published_at IS NULL ORDER BY id LIMIT 1) AS oldest_event,
        (SELECT count(*) FROM greetings
            WHERE due_on BETWEEN current_date - 3 AND current_date + 1
                AND state IN ('planned', 'sending') AND due_at < now() - interval '1 hour'
        ) AS missing,
        (SELECT value FROM counters WHERE name = :planned_until) AS planned_until,
        (SELECT count(*) FROM workers WHERE {alive}) AS workers,
        (SELECT count(*) FROM workers
            WHERE NOT {alive}
                AND heard_at > now() - interval '1 hour'
        ) AS workers_silent
    """,
    alive=ALIVE,
)
GREETINGS = Statement.from_sql(
    """
    SELECT state, count(*) AS number FROM greetings
    WHERE due_on >= date_trunc('year', now())
        AND due_on < date_trunc('year', now()) + interval '1 year'
    GROUP BY state
    """
)
# Workers of older versions do not report their kinds: they may run any.
WITHOUT_WORKER = Statement.from_sql(
    """
    (SELECT kind, number FROM (
        SELECT kind, count(*) AS number FROM jobs
        WHERE status = 'queued' AND run_at <= now() GROUP BY kind
    ) AS due
    WHERE NOT EXISTS (
        SELECT FROM workers WHERE {alive} AND (kinds IS NULL OR due.kind = ANY(kinds))
    )
    ORDER BY number DESC, kind LIMIT {limit})
    UNION ALL
    SELECT DISTINCT unnest(kinds), 0 FROM workers WHERE {alive}
    """,
    alive=ALIVE,
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
    """Reads the backlog; every queue, status and state is counted, at 0 where there is none."""

    pool: ConnectionPool

    async def __call__(self) -> Backlog:
        async with self.pool.executor() as executor:
            jobs = {(r["lane"], r["status"]): r["number"] for r in await executor.all(JOBS)}
            oldest = {row["lane"]: row["seconds"] for row in await executor.all(OLDEST)}
            greetings = {row["state"]: row["number"] for row in await executor.all(GREETINGS)}
            unknown = {row["kind"]: row["number"] for row in await executor.all(WITHOUT_WORKER)}
            rest = await executor.first(OTHER_COUNTS, planned_until=PLANNED_UNTIL)
        assert rest is not None  # a SELECT of sub-queries always has a row
        return Backlog(
            jobs={key: jobs.get(key, 0) for key in product(QUEUES, STATUSES)},
            oldest_due={queue: oldest.get(queue, 0.0) for queue in QUEUES},
            overdue=rest["overdue"],
            oldest_event=rest["oldest_event"] or 0.0,
            greetings={state: greetings.get(state, 0) for state in STATES},
            greetings_missing=rest["missing"],
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
