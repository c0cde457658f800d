"""Claims: who runs a job, until when, and how it ends; every port call is fenced by the epoch."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Protocol, TypeAlias, TypeVar
from uuid import UUID

from jubilee.domain.errors import Stale
from jubilee.domain.identity import UserId
from jubilee.domain.jobs.kinds import JobQueueName, KindSet

Tx_co = TypeVar("Tx_co", covariant=True)


UNCLAIMED_AFTER_S = 2.0
"""A job dispatched so long ago and not claimed may have lost its message in Redis."""


class LeaseLost(Stale):
    """Somebody else runs this job by now."""

    code = "lease_lost"


@dataclass(frozen=True, slots=True)
class JobReference:
    """A job as it stood when it was dispatched; `epoch` counts its claims."""

    id: UUID
    epoch: int


@dataclass(frozen=True, slots=True)
class Dispatch:
    """A job to be handed to a worker of a lane."""

    reference: JobReference
    queue: JobQueueName
    priority: int
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedJob:
    """A job that is ours for the length of a lease; `epoch` is the new one.

    `data` are None where a producer wrote what nobody can read.
    """

    id: UUID
    epoch: int
    kind: str
    data: Mapping[str, object] | None
    attempt: int
    max_attempts: int
    owner_id: UserId | None
    by_admin: bool
    correlation_id: str | None
    trace_context: Mapping[str, str] | None
    queue: JobQueueName = JobQueueName.SYSTEM
    waited: float = 0.0
    """Seconds from being due to being claimed."""
    age: float = 0.0
    """Seconds from being asked for to being claimed."""

    @property
    def reference(self) -> JobReference:
        """What every later statement is fenced by."""
        return JobReference(self.id, self.epoch)


class HeartbeatResult(Enum):
    """What a heartbeat finds."""

    OURS = "ours"
    CANCEL = "cancel"  # ours, and asked to stop
    BUSY = "busy"  # somebody is writing its row: the lease is as it was


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptFailure:
    """How an attempt went wrong; `retry_in` seconds, or None: never again."""

    error: Mapping[str, object]
    retry_in: float | None


class JobStore(Protocol):
    """Jobs as workers see them; leases and due times go by the database's clock."""

    async def claim(self, reference: JobReference) -> ClaimedJob | None:
        """Take it, where it is due, of a kind known here, and still at that epoch.

        Counts an attempt. A job of an unknown kind stays as it is, for workers that know it.
        """

    async def heartbeat(self, held: Sequence[JobReference]) -> Mapping[UUID, HeartbeatResult]:
        """Extend the leases of those that are still ours; the others are missing."""

    async def fail(self, reference: JobReference, failure: AttemptFailure) -> bool:
        """Give it back to be tried again, or end it as dead; whether it was still ours."""

    async def release(self, reference: JobReference, *, wait: float) -> bool:
        """Give it back as if it had not been tried, due again in `wait` seconds."""

    async def mark_cancelled(self, reference: JobReference) -> bool:
        """End it as cancelled; whether it was still ours."""

    async def save_progress(self, reference: JobReference, progress: Mapping[str, object]) -> None:
        """Say how far it is."""


class OpenCompletion(Protocol[Tx_co]):
    """Opens a transaction whose first statement ends the job; raises LeaseLost."""

    def __call__(
        self, reference: JobReference, result: Mapping[str, object] | None
    ) -> AbstractAsyncContextManager[Tx_co]:
        """The feature's own transaction."""


Position: TypeAlias = tuple[int, datetime, UUID]
"""Where a page of jobs ends: priority, due time and id."""


@dataclass(frozen=True, slots=True)
class Unclaimed:
    """One page of jobs that were dispatched; `next` is None on the last page."""

    dispatches: Sequence[Dispatch]
    next: Position | None


@dataclass(frozen=True, slots=True)
class Outlook:
    """When to look again: seconds until the next job is due, None where none is queued."""

    next_due: float | None
    has_unclaimed: bool
    """Whether a job was dispatched 2 seconds ago or earlier and is still not claimed."""


class DueJobs(Protocol):
    """Jobs as the relay sees them; every call takes a bounded number."""

    async def mark_due(self, kinds: Collection[str], *, limit: int) -> Sequence[Dispatch]:
        """The due ones that have not been dispatched, marked as dispatched and committed."""

    async def unclaimed(
        self, kinds: Collection[str], *, after: Position | None, limit: int
    ) -> Unclaimed:
        """Those dispatched 2 seconds ago or earlier that no worker has claimed, page by page."""

    async def expire_leases(self, *, limit: int) -> int:
        """Give back, or end as dead, what a worker has let go of; how many."""

    async def prune(self, *, days: float, limit: int) -> int:
        """Remove what has ended so long ago; how many."""

    async def outlook(self, kinds: Collection[str]) -> Outlook:
        """What is left to be done, in one statement."""


class JobDispatcher(Protocol):
    """Brings jobs to workers; what it loses, the relay sends again.

    Each set of kinds has queues of its own, read only by workers that know exactly these kinds: a
    message never reaches a worker that cannot run its job.
    """

    async def send(self, dispatches: Sequence[Dispatch], to: KindSet) -> None:
        """Raises Unavailable; the same dispatch twice is the same as once."""

    async def missing(self, dispatches: Sequence[Dispatch], to: KindSet) -> Sequence[Dispatch]:
        """Those of them that are not in the queue. Raises Unavailable."""
