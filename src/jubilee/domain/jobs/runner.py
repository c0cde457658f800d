"""Running a job: claim it, do it under a lease, end it behind the fence."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from time import monotonic
from typing import Any, Protocol

from jubilee.domain.errors import DomainError, Unavailable
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

CANCEL_GRACE_S = 5.0  # seconds in which a job that is told to stop has to
MAX_MESSAGE_CHARS = 2000  # characters of an error that are kept


class Outcome(Enum):
    """How a run ended, for whoever counts."""

    UNCLAIMED = "unclaimed"  # the database could not be asked: the job is as it was
    STALE = "stale"  # somebody else took it, or it is not due any more
    SUCCEEDED = "succeeded"
    RETRIED = "retried"
    DEAD = "dead"
    CANCELLED = "cancelled"
    RELEASED = "released"  # as if it had not been tried
    LOST = "lost"  # its lease ended: somebody else runs it
    UNKNOWN = "unknown"  # the database is away: the lease will end, and the sweeper decides


class AttemptTimedOut(JobError):
    """The attempt took too long."""

    code = "timed_out"


class AttemptAborted(JobError):
    """The attempt stopped itself without an end."""

    code = "ended_abruptly"


def requested_delay(error: BaseException) -> float:
    """Seconds that the error itself wants the next attempt to wait, an hour at most."""
    wanted = error.retry_in if isinstance(error, JobError) else None
    return min(MAX_BACKOFF_S, wanted or 0)


def describe_error(error: BaseException) -> dict[str, object]:
    """What is shown of an error: its code and what it says, cut; never a trace."""
    code = error.code if isinstance(error, DomainError | JobError) else type(error).__name__
    return {"code": code, "message": str(error)[:MAX_MESSAGE_CHARS]}


def _ignore() -> None:
    """Default for a caller that does not need to hear of the claim."""


class JobObserver(Protocol):
    """Hears of attempts; must be quick and must not fail."""

    def started(self, claimed: ClaimedJob) -> None:
        """An attempt begins."""

    def failed(self, error: BaseException) -> None:
        """It goes wrong; how it ends is heard of next."""

    def ended(self, claimed: ClaimedJob, outcome: Outcome, seconds: float) -> None:
        """It has ended."""


class Unobserved(JobObserver):
    """Where nobody listens."""

    def started(self, claimed: ClaimedJob) -> None:
        pass

    def failed(self, error: BaseException) -> None:
        pass

    def ended(self, claimed: ClaimedJob, outcome: Outcome, seconds: float) -> None:
        pass


UNOBSERVED = Unobserved()


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs jobs, each at most once at a time, however often it is dispatched."""

    store: JobStore
    kinds: JobKinds
    open_completion: OpenCompletion[Any]
    lease_keeper: LeaseKeeper
    chance: Callable[[], float]
    observer: JobObserver = UNOBSERVED

    async def run(self, reference: JobReference, on_claim: Callable[[], None] = _ignore) -> Outcome:
        """Claim and run it; never raises but when it is cancelled from outside.

        `on_claim` is called once the job is ours, before it runs.
        """
        since = monotonic()
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
            self.observer.ended(claimed, outcome, monotonic() - since)
        return outcome

    async def _run(self, claimed: ClaimedJob, since: float) -> Outcome:
        kind = self.kinds.find(claimed.kind)
        assert kind is not None, "claims are limited to the kinds known here"
        try:
            payload = _payload(kind, claimed)
        except Exception as error:  # a newer version may have written it: try again
            return await self._failed(claimed, error)
        attempt = _Attempt(claimed, self.open_completion)
        work = asyncio.create_task(attempt.run(kind, self._claim(claimed, payload)))
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
        # Whatever happens to it once its end is committed changes nothing.
        if attempt.finished:
            return Outcome.SUCCEEDED
        if running.interruption is not None:
            return await self._interrupted(attempt.claimed, running.interruption)
        if running.task.cancelled():
            return await self._failed(attempt.claimed, AttemptAborted("It stopped without an end."))
        error = running.task.exception()
        if error is None or isinstance(error, LeaseLost):
            return Outcome.LOST
        return await self._failed(attempt.claimed, error)

    async def _interrupted(self, claimed: ClaimedJob, why: Interruption) -> Outcome:
        match why:
            case Interruption.LOST:
                return Outcome.LOST
            case Interruption.DRAINED:
                return await self._release(claimed, 0)
            case Interruption.CANCELLED:
                ours = await self.store.mark_cancelled(claimed.reference)
                return Outcome.CANCELLED if ours else Outcome.LOST
            case Interruption.TOO_SLOW:
                return await self._failed(claimed, AttemptTimedOut("The attempt took too long."))

    async def _release(self, claimed: ClaimedJob, wait: float) -> Outcome:
        ours = await self.store.release(claimed.reference, wait=wait)
        return Outcome.RELEASED if ours else Outcome.LOST

    async def _failed(self, claimed: ClaimedJob, error: BaseException) -> Outcome:
        self.observer.failed(error)
        final = isinstance(error, PermanentFailure) or claimed.attempt >= claimed.max_attempts
        wait = (
            None if final else max(backoff(claimed.attempt, self.chance()), requested_delay(error))
        )
        failure = AttemptFailure(error=describe_error(error), retry_in=wait)
        if not await self.store.fail(claimed.reference, failure):
            return Outcome.LOST
        return Outcome.DEAD if final else Outcome.RETRIED

    def _claim(self, claimed: ClaimedJob, payload: object) -> JobContext[Any]:
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
    """One run of a kind, and whether its end is committed."""

    def __init__(self, claimed: ClaimedJob, open_completion: OpenCompletion[Any]) -> None:
        self.claimed = claimed
        self.finished = False
        self._open_finish = open_completion

    async def run(self, kind: JobKind[Any, Any], context: JobContext[Any]) -> None:
        """A kind that comes back without an end has succeeded without a result."""
        try:
            await kind.run(context, self._complete)
        except SystemExit as error:  # it would end the whole worker
            raise AttemptAborted("It tried to end the process.") from error
        if not self.finished:
            async with self._complete():
                pass

    @asynccontextmanager
    async def _complete(self, result: Mapping[str, object] | None = None) -> AsyncIterator[Any]:
        async with self._open_finish(self.claimed.reference, result) as tx:
            yield tx
        self.finished = True


async def _watch(running: RunningJob, timeout: float) -> None:  # noqa: ASYNC109  # an attempt's, not ours
    """Until it has ended; once told to stop, or too slow, it has a moment for that.

    One that does not listen goes on without a lease: the fence keeps it from any effect.
    """
    done, _ = await asyncio.wait(
        {running.task, running.interrupted}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED
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
    """Nobody may be left to look at what it raised."""
    if not task.cancelled():
        task.exception()
