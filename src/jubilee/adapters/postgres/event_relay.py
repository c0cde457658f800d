"""Turns events into jobs for their subscribers: one relay at a time, in the order of the ids."""

from dataclasses import dataclass

from asyncpg import Record

from jubilee.adapters.postgres.counter_names import EVENTS_PUBLISHED
from jubilee.adapters.postgres.documents import trace_context
from jubilee.adapters.postgres.jobs.pending_dispatches import Provenance
from jubilee.adapters.postgres.jobs.queue import PostgresJobs
from jubilee.adapters.postgres.statement import Statement
from jubilee.adapters.postgres.transaction import PostgresTransaction
from jubilee.domain.events import EventRelay, Subscribers
from jubilee.domain.identity import NewId
from jubilee.domain.jobs.queue import NewJob
from jubilee.domain.transaction import Begin
from jubilee.observation.jobs import FixedTrace

# Only the relay that locks the counter publishes, so that the events of an item stay in order. If
# another relay has committed since this one read the events, the UPDATE finds them published.
TAKE = Statement.from_sql(
    """
    WITH turn AS MATERIALIZED (
        SELECT FROM counters WHERE name = '{counter}'
            AND EXISTS (SELECT FROM events WHERE published_at IS NULL)
        FOR UPDATE SKIP LOCKED
    ), oldest AS MATERIALIZED (
        SELECT waiting.id FROM turn CROSS JOIN LATERAL (
            SELECT id FROM events WHERE published_at IS NULL
            ORDER BY id LIMIT CAST(:rows AS integer)
        ) AS waiting
    )
    UPDATE events SET published_at = now() FROM oldest
    WHERE events.id = oldest.id AND published_at IS NULL
    RETURNING events.id, kind, data, correlation_id, trace_context, occurred_at
    """,
    counter=EVENTS_PUBLISHED,
)
COUNT = Statement.from_sql(
    "UPDATE counters SET value = value + CAST(:number AS bigint) WHERE name = '{counter}'",
    counter=EVENTS_PUBLISHED,
)
PRUNE = Statement.from_sql(
    """
    DELETE FROM events WHERE id IN (
        SELECT id FROM events
        WHERE published_at < now() - CAST(:days AS float) * interval '1 day'
        ORDER BY published_at LIMIT CAST(:rows AS integer) FOR UPDATE SKIP LOCKED
    ) RETURNING id
    """
)


@dataclass(frozen=True, slots=True)
class PostgresEventRelay(EventRelay):
    """Enqueues a job for each subscriber of an event; without subscribers it does nothing."""

    write: Begin[PostgresTransaction]
    new_id: NewId
    subscribers: Subscribers

    async def publish(self, *, limit: int) -> int:
        if not self.subscribers:
            return 0
        async with self.write() as tx:
            rows = await tx.executor.all(TAKE, rows=limit)
            for row in sorted(rows, key=lambda row: row["id"]):
                await self._enqueue_for_subscribers(tx, row)
            if rows:
                await tx.executor.run(COUNT, number=len(rows))
        return len(rows)

    # Without subscribers, too: events of an earlier configuration may be left.
    async def prune(self, *, days: float, limit: int) -> int:
        async with self.write() as tx:
            return len(await tx.executor.all(PRUNE, days=days, rows=limit))

    async def _enqueue_for_subscribers(self, tx: PostgresTransaction, event: Record) -> None:
        provenance = Provenance(event["correlation_id"], FixedTrace(trace_context(event)))
        jobs = PostgresJobs(tx.executor, provenance, tx.pending)
        data = {
            "event_id": str(event["id"]),
            "event": event["kind"],
            "occurred_at": event["occurred_at"].isoformat(),
            "data": event["data"],
        }
        for kind in self.subscribers.get(event["kind"], ()):
            key = f"event:{event['id']}:{kind}"
            await jobs.add(NewJob(id=self.new_id(), kind=kind, data=data, key=key))
