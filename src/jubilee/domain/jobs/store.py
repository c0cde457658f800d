"""Ports to stored jobs: claims and leases for workers, due jobs for relays, dispatch."""

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
    """Another worker has claimed this job."""

    code = "lease_lost"


@dataclass(frozen=True, slots=True)
class JobReference:
    """A job at one epoch, which counts its claims."""

    id: UUID
    epoch: int


@dataclass(frozen=True, slots=True)
class Dispatch:
    """A job to send to the workers of a queue."""

    reference: JobReference
    queue: JobQueueName
    priority: int
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedJob:
    """A job claimed by this worker for one lease; `epoch` is that of the claim.

    `data` is None if a producer wrote an unreadable document.
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
    """Seconds from being created to being claimed."""

    @property
    def reference(self) -> JobReference:
        """Job and epoch, which fence every later statement."""
        return JobReference(self.id, self.epoch)


@dataclass(frozen=True, slots=True)
class ExpiredJob:
    """A running job whose lease has expired; `data` is None if it is unreadable."""

    reference: JobReference
    kind: str
    data: Mapping[str, object] | None


class HeartbeatResult(Enum):
    """The state of a lease at a heartbeat."""

    OURS = "ours"
    CANCEL = "cancel"  # ours, and cancellation is requested
    BUSY = "busy"  # the row is locked: the lease is not extended


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptFailure:
    """The error of an attempt; `retry_in` in seconds, or None for no further attempt."""

    error: Mapping[str, object]
    retry_in: float | None


# Ports


class JobStore(Protocol):
    """Jobs as workers see them, fenced by epoch; times are of the database's clock."""

    async def claim(self, reference: JobReference) -> ClaimedJob | None:
        """Claim a job if it is due, of a known kind, and still at that epoch, else return None.

        A claim counts as an attempt. Jobs of unknown kinds are left to workers that know them.
        """

    async def heartbeat(self, held: Sequence[JobReference]) -> Mapping[UUID, HeartbeatResult]:
        """Extend the leases that are still held; lost ones are missing from the result."""

    async def fail(self, reference: JobReference, failure: AttemptFailure) -> bool:
        """Queue the job for a retry, or end it as dead; return whether that was done.

        False if the lease is lost, or if a retry is wanted although cancellation is requested:
        `JobCanceller.cancel` then tells which.
        """

    async def release(self, reference: JobReference, *, wait: float) -> bool:
        """Give the job back uncounted, due in `wait` seconds; return False as `fail` does."""

    async def save_progress(self, reference: JobReference, progress: Mapping[str, object]) -> None:
        """Save the progress, if the lease is held."""


class OpenCompletion(Protocol[Tx_co]):
    """Opens a transaction whose first statement ends the job as succeeded. Raises LeaseLost."""

    def __call__(
        self, reference: JobReference, result: Mapping[str, object] | None
    ) -> AbstractAsyncContextManager[Tx_co]:
        """Return the transaction of the job kind."""


class OpenCancellation(Protocol[Tx_co]):
    """Opens a transaction whose first statement ends the job as cancelled. Raises LeaseLost."""

    def __call__(
        self, reference: JobReference, error: Mapping[str, object] | None
    ) -> AbstractAsyncContextManager[Tx_co]:
        """Return the transaction of the job kind; `error` None keeps that of an earlier attempt."""


DueJobPosition: TypeAlias = tuple[datetime, UUID]
"""Sort key of the last job of a page: time of its dispatch, and id."""

QueueLevel: TypeAlias = tuple[JobQueueName, int]
"""A queue and a priority in it."""


@dataclass(frozen=True, slots=True)
class UnclaimedPage:
    """One page of dispatched jobs; `next` is None on the last page."""

    dispatches: Sequence[Dispatch]
    next: DueJobPosition | None


@dataclass(frozen=True, slots=True)
class DueSummary:
    """What a relay needs to choose its next action."""

    next_due: float | None
    """Seconds until the next job is due; None if none is scheduled."""
    has_unclaimed: bool
    """Whether a job dispatched 2 or more seconds ago is not claimed yet."""


class DueJobReader(Protocol):
    """Reads which jobs are due, and which are dispatched; pages have `limit` jobs at most."""

    async def wait_for_due(self, kinds: KindSet, seconds: float) -> bool:
        """Wait until a job is due that is not dispatched; return whether one is.

        Returns False at once where another relay waits for jobs of the same kinds, and at the end
        of the time. Finds a job within 20 ms, also one that a producer has inserted by SQL.
        """

    async def unclaimed(
        self, kinds: Collection[str], *, after: DueJobPosition | None, limit: int
    ) -> UnclaimedPage:
        """List the jobs dispatched 2 or more seconds ago that are not claimed yet."""

    async def due_summary(self, kinds: Collection[str]) -> DueSummary:
        """Return when the next job is due, in one statement."""


class DueJobStore(DueJobReader, Protocol):
    """Jobs as the relay sees them; each call handles `limit` jobs at most."""

    async def mark_due(
        self, kinds: Collection[str], *, limit: int, full: Collection[QueueLevel] = ()
    ) -> Sequence[Dispatch]:
        """Mark due jobs as dispatched, except those of `full` levels, commit, and return them."""

    async def expire_leases(self, *, limit: int) -> int:
        """Queue again, or end as dead, the jobs with an expired lease; return how many.

        Leaves those whose cancellation is requested.
        """

    async def expired_cancellations(self, *, limit: int) -> Sequence[ExpiredJob]:
        """List jobs with an expired lease whose cancellation is requested, the oldest first."""

    async def prune(self, *, days: float, limit: int) -> int:
        """Delete jobs that ended `days` ago or earlier; return how many."""


class JobDispatcher(Protocol):
    """Sends jobs to workers; the relay sends lost messages again.

    Each set of kinds has its own queues, read only by workers that know exactly these kinds: a
    message never reaches a worker that cannot run its job.
    """

    async def send(self, dispatches: Sequence[Dispatch], to: KindSet) -> None:
        """Send the dispatches; sending one twice has no further effect. Raises Unavailable."""

    async def offer(self, dispatches: Sequence[Dispatch], to: KindSet) -> None:
        """Send new dispatches, but for those of queues that are held back. Raises Unavailable."""

    async def hold_back(self, queues: Collection[JobQueueName], to: KindSet) -> None:
        """Let new jobs of these queues wait for a relay, for two seconds: older ones wait as well.

        Raises Unavailable.
        """

    async def full_levels(
        self, to: KindSet, limits: Mapping[JobQueueName, int]
    ) -> Collection[QueueLevel]:
        """Return the levels of which a new message would wait behind as many as the queue's limit.

        An urgent job therefore finds room where those of lower priority do not. Raises Unavailable.
        """

    async def missing(self, dispatches: Sequence[Dispatch], to: KindSet) -> Sequence[Dispatch]:
        """Return the dispatches that are not in the queue. Raises Unavailable."""
