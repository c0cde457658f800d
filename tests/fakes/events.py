"""The outbox of events in memory."""

from dataclasses import dataclass

from jubilee.domain.events import EventLog, ItemEvent


@dataclass(frozen=True, slots=True)
class FakeEvents(EventLog):
    """Events in a list."""

    rows: list[ItemEvent]

    async def add(self, *events: ItemEvent) -> None:
        self.rows.extend(events)
