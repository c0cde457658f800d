"""The jobs that a transaction wants, and what their rows say of where they come from."""

from dataclasses import dataclass, field

from jubilee.domain.jobs.store import Dispatch
from jubilee.observation.jobs import TracePropagator


@dataclass(frozen=True, slots=True)
class Provenance:
    """Marks rows: with the request that they come from, and with its trace."""

    correlation_id: str | None
    propagator: TracePropagator


@dataclass(frozen=True, slots=True)
class PendingDispatches:
    """What has been inserted, to be told of once it is committed."""

    due: list[Dispatch] = field(default_factory=list)
    """The jobs that are due at once."""
    kinds: list[str] = field(default_factory=list)
    """The kind of every new job."""
