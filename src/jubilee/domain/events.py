"""Facts that others may want to hear of; each is as durable as the row that it speaks of."""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from jubilee.domain.identity import UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemEvent:
    """Something happened to an item."""

    item_id: UUID
    owner_id: UserId


class ItemCreated(ItemEvent):
    """An item is new."""


class ItemUpdated(ItemEvent):
    """An item has other words now."""


class ItemDeleted(ItemEvent):
    """An item is gone."""


class EventLog(Protocol):
    """The outbox of facts; written in the transaction that makes them true."""

    async def add(self, *events: ItemEvent) -> None:
        """Append the events in their order."""


class EventRelay(Protocol):
    """Events as the relay sees them; every call takes a bounded number."""

    async def publish(self, *, limit: int) -> int:
        """Turn unpublished events into one job for each of their subscribers; how many events."""

    async def prune(self, *, days: float, limit: int) -> int:
        """Remove what was published so long ago; how many."""
