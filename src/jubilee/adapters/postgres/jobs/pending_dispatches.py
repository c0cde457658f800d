"""Jobs inserted by a transaction, and the request and trace that their rows refer to."""

from dataclasses import dataclass, field

from jubilee.domain.jobs.store import Dispatch
from jubilee.observation.jobs import TracePropagator


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a row comes from: the request's id and its trace."""

    correlation_id: str | None
    propagator: TracePropagator


@dataclass(frozen=True, slots=True)
class PendingDispatches:
    """Inserted jobs, to be dispatched once the transaction has committed."""

    due: list[Dispatch] = field(default_factory=list)
    """The jobs that are due at once."""
    kinds: list[str] = field(default_factory=list)
    """The kind of every new job."""
