"""Domain events, stored in the transaction of the change that they describe."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias
from uuid import UUID

from jubilee.domain.identity import UserId

Subscribers: TypeAlias = Mapping[str, tuple[str, ...]]
"""Kinds of the jobs that are enqueued for an event, by the name of its class."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemEvent:
    """A change of an item."""

    item_id: UUID
    owner_id: UserId


class ItemCreated(ItemEvent):
    """An item was created."""


class ItemUpdated(ItemEvent):
    """An item was updated."""


class ItemDeleted(ItemEvent):
    """An item was deleted."""


# Ports


class EventLog(Protocol):
    """The outbox of events, written in the transaction of the change."""

    async def add(self, *events: ItemEvent) -> None:
        """Append the events that have a subscriber, in their order."""


class EventRelay(Protocol):
    """Events as the relay sees them; each call handles `limit` events at most."""

    async def publish(self, *, limit: int) -> int:
        """Turn unpublished events into one job per subscriber; return the number of events."""

    async def prune(self, *, days: float, limit: int) -> int:
        """Delete events published `days` ago or earlier; return how many."""
