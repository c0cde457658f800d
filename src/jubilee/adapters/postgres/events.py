"""The outbox of domain events: rows written in the transaction of the change."""

from dataclasses import dataclass

from sqlalchemy import insert

from jubilee.adapters.postgres.core_statement import core_statement
from jubilee.adapters.postgres.documents import encode, encode_trace
from jubilee.adapters.postgres.jobs.pending_dispatches import Provenance
from jubilee.adapters.postgres.statement import Executor
from jubilee.adapters.postgres.tables import events
from jubilee.domain.clock import Clock
from jubilee.domain.events import EventLog, ItemEvent, Subscribers
from jubilee.domain.identity import NewId

ADD = core_statement(
    insert(events),
    columns=["id", "kind", "data", "correlation_id", "trace_context", "occurred_at"],
)


@dataclass(frozen=True, slots=True)
class PostgresEvents(EventLog):
    """Inserts the events that have a subscriber."""

    executor: Executor
    clock: Clock
    new_id: NewId
    provenance: Provenance
    subscribers: Subscribers

    async def add(self, *events: ItemEvent) -> None:
        rows = [self._row(event) for event in events if self._has_subscriber(event)]
        if rows:
            await self.executor.each(ADD, rows)

    def _has_subscriber(self, event: ItemEvent) -> bool:
        return bool(self.subscribers.get(type(event).__name__))

    def _row(self, event: ItemEvent) -> dict[str, object]:
        return {
            "id": self.new_id(),
            "kind": type(event).__name__,
            "data": encode({"item_id": str(event.item_id), "owner_id": str(event.owner_id)}),
            "correlation_id": self.provenance.correlation_id,
            "trace_context": encode_trace(self.provenance.propagator.current()),
            "occurred_at": self.clock(),
        }
