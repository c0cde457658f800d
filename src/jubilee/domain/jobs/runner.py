"""Running a job: claim it, run it under a lease, write its end fenced by the epoch."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from jubilee.domain.errors import DomainError, Unavailable
from jubilee.domain.jobs.cancellation import JobCanceller
from jubilee.domain.jobs.kinds import (
    InvalidPayload,
    JobContext,
    JobError,
    JobKind,
    JobKinds,
    PermanentFailure,
)
from jubilee.domain.jobs.lease_keeper import Interruption, LeaseKeeper, RunningJob
from jubilee.domain.jobs.retries import MAX_BACKOFF_S, backoff
from jubilee.domain.jobs.store import (
    AttemptFailure,
    ClaimedJob,
    JobReference,
    JobStore,
    LeaseLost,
    OpenCompletion,
)

CANCEL_GRACE_S = 5.0  # time to stop after an interruption
MAX_MESSAGE_CHARS = 2000  # of an error


class Outcome(Enum):
    """How a run ended, for observers."""

    UNCLAIMED = "unclaimed"  # the database did not answer: the job is unchanged
    STALE = "stale"  # another worker claimed it, or it is no longer due
    SUCCEEDED = "succeeded"
    RETRIED = "retried"
    DEAD = "dead"
    CANCELLED = "cancelled"
    RELEASED = "released"  # given back; the attempt does not count
    LOST = "lost"  # the lease ended: another worker may run it
    UNKNOWN = "unknown"  # the database did not answer: the lease expires and the sweeper decides


class AttemptTimedOut(JobError):
    """The attempt took too long."""

    code = "timed_out"


class AttemptAborted(JobError):
    """The attempt cancelled itself or tried to end the process."""

    code = "ended_abruptly"


def requested_delay(error: BaseException) -> float:
    """Return the delay in seconds that the error requests, an hour at most, or 0."""
    requested = error.retry_in if isinstance(error, JobError) else None
    return min(MAX_BACKOFF_S, requested or 0)


def describe_error(error: BaseException) -> dict[str, object]:
    """Return code and message of an error, the message truncated; never a traceback."""
    code = error.code if isinstance(error, DomainError | JobError) else type(error).__name__
    return {"code": code, "message": str(error)[:MAX_MESSAGE_CHARS]}


def _ignore() -> None:
    """Do nothing: the default of `on_claim`."""


# Ports


class JobObserver(Protocol):
    """Observes attempts; called on the event loop, must not raise."""

    def started(self, claimed: ClaimedJob) -> None:
        """An attempt starts."""

    def failed(self, error: BaseException) -> None:
        """The attempt failed; `ended` follows."""

    def ended(self, claimed: ClaimedJob, outcome: Outcome, seconds: float) -> None:
        """The attempt ended after `seconds`."""


class Unobserved(JobObserver):
    """Ignores all attempts."""

    def started(self, claimed: ClaimedJob) -> None:
        pass

    def failed(self, error: BaseException) -> None:
        pass

    def ended(self, claimed: ClaimedJob, outcome: Outcome, seconds: float) -> None:
        pass


UNOBSERVED = Unobserved()


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs dispatched jobs; a job dispatched twice still runs once at a time."""

    store: JobStore
    kinds: JobKinds
    open_completion: OpenCompletion[Any]
    canceller: JobCanceller
    lease_keeper: LeaseKeeper
    random: Callable[[], float]
    observer: JobObserver = UNOBSERVED

    async def run(self, reference: JobReference, on_claim: Callable[[], None] = _ignore) -> Outcome:
        """Claim and run a job; raises nothing but CancelledError.

        `on_claim` is called after the claim, before the job runs.
        """
        since = self.lease_keeper.monotonic()
        try:
            claimed = await self.store.claim(reference)
        except Unavailable:
            return Outcome.UNCLAIMED
        if claimed is None:
            return Outcome.STALE
        on_claim()
        self.observer.started(claimed)
        outcome = Outcome.UNKNOWN
        try:
            with suppress(Unavailable):
                outcome = await self._run(claimed, since)
        finally:
            self.observer.ended(claimed, outcome, self.lease_keeper.monotonic() - since)
        return outcome

    async def _run(self, claimed: ClaimedJob, since: float) -> Outcome:
        kind = self.kinds.find(claimed.kind)
        assert kind is not None, "claims are limited to the kinds known here"
        try:
            payload = _payload(kind, claimed)
        except Exception as error:  # it may be of a newer version: retry
            return await self._failed(claimed, error)
        attempt = _Attempt(claimed, self.open_completion)
        work = asyncio.create_task(attempt.run(kind, self._context(claimed, payload)))
        work.add_done_callback(_retrieve_exception)
        with self.lease_keeper.hold(claimed.reference, work, since) as running:
            try:
                await _watch(running, self.kinds.timeout(kind))
            except asyncio.CancelledError:
                running.interrupt(Interruption.DRAINED)
                await asyncio.wait({work}, timeout=CANCEL_GRACE_S)
                with suppress(Unavailable):
                    await self._end(attempt, running)
                raise
            return await self._end(attempt, running)

    async def _end(self, attempt: "_Attempt", running: RunningJob) -> Outcome:
        # Once the end is committed, later exceptions do not matter.
        if attempt.finished:
            return Outcome.SUCCEEDED
        if running.interruption is not None:
            return await self._interrupted(attempt.claimed, running.interruption)
        if running.task.cancelled():
            error = AttemptAborted("The attempt cancelled itself.")
            return await self._failed(attempt.claimed, error)
        raised = running.task.exception()
        if raised is None or isinstance(raised, LeaseLost):
            return Outcome.LOST
        return await self._failed(attempt.claimed, raised)

    async def _interrupted(self, claimed: ClaimedJob, reason: Interruption) -> Outcome:
        match reason:
            case Interruption.LOST:
                return Outcome.LOST
            case Interruption.DRAINED:
                return await self._released(claimed)
            case Interruption.CANCELLED:
                return await self._cancelled(claimed)
            case Interruption.TOO_SLOW:
                return await self._failed(claimed, AttemptTimedOut("The attempt took too long."))

    async def _cancelled(
        self, claimed: ClaimedJob, error: Mapping[str, object] | None = None
    ) -> Outcome:
        is_cancelled = await self.canceller.cancel(claimed, error)
        return Outcome.CANCELLED if is_cancelled else Outcome.LOST

    async def _released(self, claimed: ClaimedJob) -> Outcome:
        if await self.store.release(claimed.reference, wait=0):
            return Outcome.RELEASED
        return await self._cancelled(claimed)

    async def _failed(self, claimed: ClaimedJob, error: BaseException) -> Outcome:
        self.observer.failed(error)
        final = isinstance(error, PermanentFailure) or claimed.attempt >= claimed.max_attempts
        delay = max(backoff(claimed.attempt, self.random()), requested_delay(error))
        failure = AttemptFailure(error=describe_error(error), retry_in=None if final else delay)
        if not await self.store.fail(claimed.reference, failure):
            return Outcome.LOST if final else await self._cancelled(claimed, failure.error)
        return Outcome.DEAD if final else Outcome.RETRIED

    def _context(self, claimed: ClaimedJob, payload: object) -> JobContext[Any]:
        async def report(progress: Mapping[str, object]) -> None:
            await self.store.save_progress(claimed.reference, progress)

        return JobContext(
            id=claimed.id,
            epoch=claimed.epoch,
            attempt=claimed.attempt,
            owner_id=claimed.owner_id,
            by_admin=claimed.by_admin,
            payload=payload,
            report=report,
        )


class _Attempt:
    """One attempt at a job, and whether its end is committed."""

    def __init__(self, claimed: ClaimedJob, open_completion: OpenCompletion[Any]) -> None:
        self.claimed = claimed
        self.finished = False
        self._open_completion = open_completion

    async def run(self, kind: JobKind[Any, Any], context: JobContext[Any]) -> None:
        """Run the kind; if it returns without completing, complete the job without a result."""
        try:
            await kind.run(context, self._complete)
        except SystemExit as error:  # would end the worker process
            raise AttemptAborted("The attempt tried to end the process.") from error
        if not self.finished:
            async with self._complete():
                pass

    @asynccontextmanager
    async def _complete(self, result: Mapping[str, object] | None = None) -> AsyncIterator[Any]:
        async with self._open_completion(self.claimed.reference, result) as tx:
            yield tx
        self.finished = True


async def _watch(running: RunningJob, limit_s: float) -> None:
    """Wait until the attempt ends; interrupt it after `limit_s` seconds, and wait CANCEL_GRACE_S.

    An attempt that ignores the interruption continues without a lease; fencing keeps it from
    writing anything.
    """
    done, _ = await asyncio.wait(
        {running.task, running.interrupted}, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED
    )
    if not done:
        running.interrupt(Interruption.TOO_SLOW)
    if not running.task.done():
        await asyncio.wait({running.task}, timeout=CANCEL_GRACE_S)


def _payload(kind: JobKind[Any, Any], claimed: ClaimedJob) -> object:
    if claimed.data is None:
        raise InvalidPayload("The data cannot be read.", pointer="/data")
    return kind.read(claimed.data)


def _retrieve_exception(task: asyncio.Task[None]) -> None:
    """Mark the exception as seen: the runner may have stopped waiting for the task."""
    if not task.cancelled():
        task.exception()
