"""The outbox of facts, emptied: one relay at a time, in the order of the ids."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from asyncpg import Record
from sqlalchemy import text

from jubilee.adapters.postgres.documents import trace_context
from jubilee.adapters.postgres.jobs.pending_dispatches import Provenance
from jubilee.adapters.postgres.jobs.queue import PostgresJobs
from jubilee.adapters.postgres.statement import Statement
from jubilee.adapters.postgres.transaction import PostgresTransaction
from jubilee.domain.events import EventRelay
from jubilee.domain.identity import NewId
from jubilee.domain.jobs.queue import NewJob
from jubilee.domain.transaction import Begin
from jubilee.observation.jobs import FixedTrace

# The lock on the counter is the turn: two relays at once would mix up what happened to one thing.
# Whoever saw the events just before the last one's turn ended finds them taken at the UPDATE.
TAKE = Statement(
    text("""
    WITH turn AS MATERIALIZED (
        SELECT FROM counters WHERE name = 'events_published'
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
    """)
)
COUNT = Statement(
    text("""
    UPDATE counters SET value = value + CAST(:number AS bigint) WHERE name = 'events_published'
    """)
)
PRUNE = Statement(
    text("""
    DELETE FROM events WHERE id IN (
        SELECT id FROM events
        WHERE published_at < now() - CAST(:days AS float) * interval '1 day'
        ORDER BY published_at LIMIT CAST(:rows AS integer) FOR UPDATE SKIP LOCKED
    ) RETURNING id
    """)
)


@dataclass(frozen=True, slots=True)
class PostgresEventRelay(EventRelay):
    """`subscribers` names, for a kind of event, the kinds of jobs that want to hear of it."""

    write: Begin[PostgresTransaction]
    new_id: NewId
    subscribers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    async def publish(self, *, limit: int) -> int:
        async with self.write() as tx:
            rows = await tx.executor.all(TAKE, rows=limit)
            for row in sorted(rows, key=lambda row: row["id"]):
                await self._enqueue_for_subscribers(tx, row)
            if rows:
                await tx.executor.run(COUNT, number=len(rows))
        return len(rows)

    async def prune(self, *, days: float, limit: int) -> int:
        async with self.write() as tx:
            return len(await tx.executor.all(PRUNE, days=days, rows=limit))

    async def _enqueue_for_subscribers(self, tx: PostgresTransaction, event: Record) -> None:
        origin = Provenance(event["correlation_id"], FixedTrace(trace_context(event)))
        jobs = PostgresJobs(tx.executor, origin, tx.pending)
        data = {
            "event_id": str(event["id"]),
            "event": event["kind"],
            "occurred_at": event["occurred_at"].isoformat(),
            "data": event["data"],
        }
        for kind in self.subscribers.get(event["kind"], ()):
            key = f"event:{event['id']}:{kind}"
            await jobs.add(NewJob(id=self.new_id(), kind=kind, data=data, key=key))
