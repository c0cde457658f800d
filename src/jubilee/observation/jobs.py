"""Traces that cross from the writer of a job to its worker, and what a relay reports.

The port for attempts of jobs is `domain.jobs.runner.JobObserver`: the domain itself reports to it.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol, TypeAlias
from uuid import UUID

from jubilee.domain.jobs.backlog import Backlog

TraceContext: TypeAlias = Mapping[str, str]
"""`traceparent` and `tracestate`, as in the W3C's Trace Context."""


# Ports


class TracePropagator(Protocol):
    """Provides the trace context that is stored with rows of jobs and events; must not raise."""

    def current(self) -> TraceContext | None:
        """The context of the current span."""

    def for_job(self, kind: str, job_id: UUID) -> AbstractContextManager[TraceContext | None]:
        """Open the producer's span around the insert of a job; yields the context to store."""


class RelayObserver(Protocol):
    """Counts the relay's work and shows the backlog; must be quick and must not raise."""

    def dispatched(self, count: int) -> None:
        """A round of the relay has sent `count` jobs to Redis."""

    def rescued(self, count: int) -> None:
        """The sweeper has taken `count` jobs from workers whose lease ran out."""

    def record_backlog(self, backlog: Backlog) -> None:
        """The backlog was read from the database."""


@dataclass(frozen=True, slots=True)
class FixedTrace(TracePropagator):
    """Propagates the context it was given, such as an event's to its subscribers' jobs."""

    context: TraceContext | None = None

    def current(self) -> TraceContext | None:
        return self.context

    def for_job(self, kind: str, job_id: UUID) -> AbstractContextManager[TraceContext | None]:
        del kind, job_id  # the same context for all jobs
        return nullcontext(self.context)


NO_TRACE = FixedTrace()
