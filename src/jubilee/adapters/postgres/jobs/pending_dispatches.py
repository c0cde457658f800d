"""The jobs that a transaction wants, and what their rows say of where they come from."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias
from uuid import UUID

from jubilee.domain.jobs.store import Dispatch

TraceContext: TypeAlias = Mapping[str, str]
"""`traceparent` and its kin, as the W3C names them."""


class TracePropagator(Protocol):
    """Says which trace a row is written in; must not fail."""

    def current(self) -> TraceContext | None:
        """The present one."""

    def for_job(self, kind: str, job_id: UUID) -> AbstractContextManager[TraceContext | None]:
        """Put around the insert of a job: whatever runs it goes on from there."""


@dataclass(frozen=True, slots=True)
class FixedTrace(TracePropagator):
    """A trace that is known already; None where nothing is traced."""

    context: TraceContext | None = None

    def current(self) -> TraceContext | None:
        return self.context

    def for_job(self, kind: str, job_id: UUID) -> AbstractContextManager[TraceContext | None]:  # noqa: ARG002  # the port's
        return nullcontext(self.context)


UNTRACED = FixedTrace()


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
