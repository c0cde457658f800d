"""Health: the state of the service's dependencies."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from jubilee.domain.errors import Unavailable


class SchemaStatus(Enum):
    """The revision of the database schema compared with the one this version needs."""

    CURRENT = "current"
    BEHIND = "behind"
    AHEAD = "ahead"  # migrated by a newer version, which must be compatible


Probe: TypeAlias = Callable[[], Awaitable[bool]]
"""Returns whether a dependency answers; bounded in time, never raises."""

ReadSchema: TypeAlias = Callable[[], Awaitable[SchemaStatus]]
"""Returns the state of the schema; raises Unavailable."""


@dataclass(frozen=True, slots=True)
class ConnectionBudget:
    """Database connections: how many all instances may open, and how many the server has."""

    instances: int
    pooled: int
    """Sum of the pool sizes of all instances."""
    opened: int
    """Connections open now, including those of other programs."""
    usable: int
    """The server's maximum without the connections reserved for administrators."""

    @property
    def fits(self) -> bool:
        """Whether all pools can be full at the same time."""
        return self.pooled <= self.usable


ReadConnectionBudget: TypeAlias = Callable[[], Awaitable[ConnectionBudget]]
"""Returns the current budget; raises Unavailable."""


@dataclass(frozen=True, slots=True)
class Health:
    """The state of the dependencies; `ready` is for load balancers; without `mail`, mail waits."""

    schema: SchemaStatus | None
    """None where the database cannot be used."""
    redis: bool
    mail: bool
    outage: str = ""
    """Why the database cannot be used, for operators."""

    @property
    def ready(self) -> bool:
        """Whether PostgreSQL answers with a schema that is not behind; Redis is not required."""
        return self.schema in {SchemaStatus.CURRENT, SchemaStatus.AHEAD}


@dataclass(frozen=True, slots=True)
class HealthService:
    """Checks the dependencies."""

    schema: ReadSchema
    redis: Probe
    mail: bool = True
    """Whether a mail server is configured."""

    async def check(self) -> Health:
        """Check each dependency once."""
        schema, outage = None, ""
        try:
            schema = await self.schema()
        except Unavailable as error:
            outage = error.reason
        return Health(schema, await self.redis(), self.mail, outage)
