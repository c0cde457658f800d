"""What the rows of a transaction are written with, and what happens after the commit."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from jubilee.adapters.postgres.audit import ReadOrigin
from jubilee.adapters.postgres.jobs.pending_dispatches import PendingDispatches, Provenance
from jubilee.adapters.postgres.statement import Executor
from jubilee.domain.audit.entry import RequestOrigin
from jubilee.domain.clock import Clock
from jubilee.domain.events import Subscribers
from jubilee.domain.identity import NewId
from jubilee.domain.jobs.store import Dispatch
from jubilee.observation.jobs import NO_TRACE, TracePropagator

DispatchSoon: TypeAlias = Callable[[Iterable[Dispatch]], None]
"""Called with the due jobs that have been committed; must not wait and must not fail."""


def ignore_dispatches(_: Iterable[Dispatch]) -> None:
    """Do nothing, where there is no dispatcher: the relay finds the jobs."""


def ignore_kind(_: str) -> None:
    """Do nothing, where there are no metrics."""


@dataclass(frozen=True, slots=True)
class WriteContext:
    """Clock, ids and provenance of written rows, and callbacks after the commit."""

    clock: Clock
    new_id: NewId
    correlation_id: Callable[[], str | None]
    dispatch_soon: DispatchSoon = ignore_dispatches
    propagator: TracePropagator = NO_TRACE
    enqueued: Callable[[str], None] = ignore_kind
    """Called with the kind of every job that has been committed; must not fail."""
    subscribers: Subscribers = field(default_factory=dict)
    """Events without one are not written."""
    origin: ReadOrigin = RequestOrigin
    """Where the acts of the audit log come from; by default that is not known."""
    committed: Callable[[Executor], Awaitable[None]] | None = None
    """Called after each commit, on its connection."""

    @property
    def provenance(self) -> Provenance:
        """Origin of the rows of jobs and events: the request and its trace."""
        return Provenance(self.correlation_id(), self.propagator)

    def dispatch_committed(self, pending: PendingDispatches) -> None:
        """Dispatch and count the new jobs of a transaction that has committed."""
        self.dispatch_soon(pending.due)
        for kind in pending.kinds:
            self.enqueued(kind)
