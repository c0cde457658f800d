"""Is the service able to serve? What its dependencies say."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias


class SchemaStatus(Enum):
    """The database's schema beside the one that this version was written for."""

    CURRENT = "current"
    BEHIND = "behind"
    AHEAD = "ahead"  # a newer version has migrated already: it is served


Probe: TypeAlias = Callable[[], Awaitable[bool]]
"""Whether a dependency answers; never raises, and is bounded in time."""

ReadSchema: TypeAlias = Callable[[], Awaitable[SchemaStatus | None]]
"""The state of the schema, or None where the database does not answer."""


@dataclass(frozen=True, slots=True)
class ConnectionBudget:
    """The database's connections: what all instances may open, and what the server has."""

    instances: int
    pooled: int
    """The sizes of all their pools together."""
    opened: int
    """Connections that are open now, of other programs, too."""
    usable: int
    """The most that there may be, without those that are kept for administrators."""

    @property
    def fits(self) -> bool:
        """Whether every instance can have all of its connections at a time."""
        return self.pooled <= self.usable


ReadConnectionBudget: TypeAlias = Callable[[], Awaitable[ConnectionBudget]]
"""Reads it now; raises Unavailable."""


@dataclass(frozen=True, slots=True)
class Health:
    """What was found; `ready` is what a load balancer needs to know; without `mail`, mail waits."""

    schema: SchemaStatus | None
    redis: bool
    mail: bool

    @property
    def ready(self) -> bool:
        """PostgreSQL answers and its schema is not behind; Redis may be away."""
        return self.schema in {SchemaStatus.CURRENT, SchemaStatus.AHEAD}


@dataclass(frozen=True, slots=True)
class HealthService:
    """Looks at the dependencies."""

    schema: ReadSchema
    redis: Probe
    mail: bool = True
    """Whether there is anything to send it by."""

    async def check(self) -> Health:
        """Ask each of them once."""
        return Health(schema=await self.schema(), redis=await self.redis(), mail=self.mail)
