"""The backlog, as a few statements on partial indexes; and the register of workers."""

from dataclasses import dataclass
from itertools import product
from uuid import UUID

from sqlalchemy import text

from jubilee.adapters.postgres.greetings import PLANNED_UNTIL
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.statement import Statement
from jubilee.domain.jobs.backlog import Backlog, ReadBacklog, WorkerRegister, WorkerSign
from jubilee.domain.jobs.kinds import Lane

STATUSES = ("queued", "running", "dead")
STATES = ("planned", "sending", "sent", "uncertain", "skipped")
LANES = tuple(lane.value for lane in Lane)

JOBS = Statement(
    text("""
    SELECT lane, 'queued' AS status, count(*) AS number FROM jobs
    WHERE status = 'queued' GROUP BY lane
    UNION ALL SELECT lane, 'running', count(*) FROM jobs WHERE status = 'running' GROUP BY lane
    UNION ALL SELECT lane, 'dead', count(*) FROM jobs WHERE status = 'dead' GROUP BY lane
    """)
)
OLDEST = Statement(
    text("""
    SELECT lane, CAST(extract(epoch FROM now() - min(run_at)) AS float) AS seconds
    FROM jobs WHERE status = 'queued' AND run_at <= now() GROUP BY lane
    """)
)
REST = Statement(
    text("""
    SELECT
        (SELECT count(*) FROM jobs WHERE status = 'running' AND lease_until < now()) AS overdue,
        (SELECT CAST(extract(epoch FROM now() - occurred_at) AS float) FROM events
            WHERE published_at IS NULL ORDER BY id LIMIT 1) AS oldest_event,
        (SELECT count(*) FROM greetings
            WHERE due_on BETWEEN current_date - 3 AND current_date + 1
                AND state IN ('planned', 'sending') AND due_at < now() - interval '1 hour'
        ) AS missing,
        (SELECT value FROM counters WHERE name = :planned_until) AS planned_until,
        (SELECT count(*) FROM workers WHERE heard_at > now() - interval '15 seconds') AS workers,
        (SELECT count(*) FROM workers
            WHERE heard_at <= now() - interval '15 seconds'
                AND heard_at > now() - interval '1 hour'
        ) AS workers_silent
    """)
)
GREETINGS = Statement(
    text("""
    SELECT state, count(*) AS number FROM greetings
    WHERE due_on >= date_trunc('year', now())
        AND due_on < date_trunc('year', now()) + interval '1 year'
    GROUP BY state
    """)
)
SIGN = Statement(
    text("""
    INSERT INTO workers (id, host, version, started_at, heard_at)
    VALUES (:id, :host, :version, now(), now())
    ON CONFLICT (id) DO UPDATE SET heard_at = now()
    """)
)
LEAVE = Statement(text("DELETE FROM workers WHERE id = :id"))
FORGET = Statement(text("DELETE FROM workers WHERE heard_at < now() - interval '1 day'"))


@dataclass(frozen=True, slots=True)
class PostgresBacklog(ReadBacklog, WorkerRegister):
    """Every lane, status and state is there, at 0 where nothing has it."""

    pool: ConnectionPool

    async def __call__(self) -> Backlog:
        async with self.pool.executor() as executor:
            jobs = {(r["lane"], r["status"]): r["number"] for r in await executor.all(JOBS)}
            oldest = {row["lane"]: row["seconds"] for row in await executor.all(OLDEST)}
            greetings = {row["state"]: row["number"] for row in await executor.all(GREETINGS)}
            rest = await executor.first(REST, planned_until=PLANNED_UNTIL)
        assert rest is not None  # a SELECT of sub-queries always has a row
        return Backlog(
            jobs={key: jobs.get(key, 0) for key in product(LANES, STATUSES)},
            oldest_due={lane: oldest.get(lane, 0.0) for lane in LANES},
            overdue=rest["overdue"],
            oldest_event=rest["oldest_event"] or 0.0,
            greetings={state: greetings.get(state, 0) for state in STATES},
            greetings_missing=rest["missing"],
            greetings_planned_until=float(rest["planned_until"] or 0),
            workers=rest["workers"],
            workers_silent=rest["workers_silent"],
        )

    async def sign(self, worker: WorkerSign) -> None:
        async with self.pool.executor() as executor:
            await executor.run(SIGN, id=worker.id, host=worker.host, version=worker.version)
            await executor.run(FORGET)

    async def leave(self, worker_id: UUID) -> None:
        async with self.pool.executor() as executor:
            await executor.run(LEAVE, id=worker_id)
