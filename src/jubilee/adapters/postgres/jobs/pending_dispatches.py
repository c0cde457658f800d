"""The jobs that a transaction wants, and what their rows say of where they come from."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias
from uuid import UUID

from jubilee.domain.jobs.store import Dispatch

TraceContext: TypeAlias = Mapping[str, str]
"""`traceparent` and its kin, as the W3C names them."""


class Sending(Protocol):
    """Says which trace a row is written in; must not fail."""

    def here(self) -> TraceContext | None:
        """The present one."""

    def sending(self, kind: str, job_id: UUID) -> AbstractContextManager[TraceContext | None]:
        """Put around the insert of a job: whatever runs it goes on from there."""


@dataclass(frozen=True, slots=True)
class SentFrom(Sending):
    """A trace that is known already; None where nothing is traced."""

    context: TraceContext | None = None

    def here(self) -> TraceContext | None:
        return self.context

    def sending(self, kind: str, job_id: UUID) -> AbstractContextManager[TraceContext | None]:  # noqa: ARG002  # the port's
        return nullcontext(self.context)


UNTRACED = SentFrom()


@dataclass(frozen=True, slots=True)
class Origin:
    """Marks rows: with the request that they come from, and with its trace."""

    correlation_id: str | None
    sending: Sending


@dataclass(frozen=True, slots=True)
class Asked:
    """What has been inserted, to be told of once it is committed."""

    due: list[Dispatch] = field(default_factory=list)
    """The jobs that are due at once."""
    kinds: list[str] = field(default_factory=list)
    """The kind of every new job."""
