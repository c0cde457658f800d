"""Running a job: claim it, do it under a lease, end it behind the fence."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from time import monotonic
from typing import Any, Protocol

from jubilee.domain.errors import DomainError, Unavailable
from jubilee.domain.jobs.kinds import Claim, GiveUp, InvalidPayload, JobError, Kind, Kinds
from jubilee.domain.jobs.lease_keeper import Heart, Interruption, Running
from jubilee.domain.jobs.store import Claimed, Claims, Failure, LeaseLost, OpenFinish, Reference

LONGEST_WAIT = 3600.0  # seconds between two attempts
JITTER = 0.1
GRACE = 5.0  # seconds in which a job that is told to stop has to
LONGEST_MESSAGE = 2000  # characters of an error that are kept


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


class TimedOut(JobError):
    """The attempt took too long."""

    code = "timed_out"


class EndedAbruptly(JobError):
    """The attempt stopped itself without an end."""

    code = "ended_abruptly"


def backoff(attempt: int, chance: float) -> float:
    """Seconds until the next attempt; `chance`, from 0 to 1, spreads them by a tenth."""
    wait = min(LONGEST_WAIT, float(attempt**4))
    return wait * (1 - JITTER + 2 * JITTER * chance)


def asked_for(error: BaseException) -> float:
    """Seconds that the error itself wants the next attempt to wait, an hour at most."""
    wanted = error.retry_in if isinstance(error, JobError) else None
    return min(LONGEST_WAIT, wanted or 0)


def described(error: BaseException) -> dict[str, object]:
    """What is shown of an error: its code and what it says, cut; never a trace."""
    code = error.code if isinstance(error, DomainError | JobError) else type(error).__name__
    return {"code": code, "message": str(error)[:LONGEST_MESSAGE]}


def _ignore() -> None:
    """Default for a caller that does not need to hear of the claim."""


class JobObserver(Protocol):
    """Hears of attempts; must be quick and must not fail."""

    def started(self, claimed: Claimed) -> None:
        """An attempt begins."""

    def failed(self, error: BaseException) -> None:
        """It goes wrong; how it ends is heard of next."""

    def ended(self, claimed: Claimed, outcome: Outcome, seconds: float) -> None:
        """It has ended."""


class Unobserved(JobObserver):
    """Where nobody listens."""

    def started(self, claimed: Claimed) -> None:
        pass

    def failed(self, error: BaseException) -> None:
        pass

    def ended(self, claimed: Claimed, outcome: Outcome, seconds: float) -> None:
        pass


UNOBSERVED = Unobserved()


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs jobs, each at most once at a time, however often it is dispatched."""

    claims: Claims
    kinds: Kinds
    open_finish: OpenFinish[Any]
    heart: Heart
    chance: Callable[[], float]
    observer: JobObserver = UNOBSERVED

    async def run(self, reference: Reference, on_claim: Callable[[], None] = _ignore) -> Outcome:
        """Claim and run it; never raises but when it is cancelled from outside.

        `on_claim` is called once the job is ours, before it runs.
        """
        since = monotonic()
        try:
            claimed = await self.claims.claim(reference)
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

    async def _run(self, claimed: Claimed, since: float) -> Outcome:
        kind = self.kinds.find(claimed.kind)
        assert kind is not None, "claims are limited to the kinds known here"
        try:
            payload = _payload(kind, claimed)
        except Exception as error:  # a newer version may have written it: try again
            return await self._failed(claimed, error)
        attempt = _Attempt(claimed, self.open_finish)
        work = asyncio.create_task(attempt.run(kind, self._claim(claimed, payload)))
        work.add_done_callback(_looked_at)
        with self.heart.keeping(claimed.reference, work, since) as running:
            try:
                await _watch(running, self.kinds.timeout(kind))
            except asyncio.CancelledError:
                running.interrupt(Interruption.DRAINED)
                await asyncio.wait({work}, timeout=GRACE)
                with suppress(Unavailable):
                    await self._end(attempt, running)
                raise
            return await self._end(attempt, running)

    async def _end(self, attempt: "_Attempt", running: Running) -> Outcome:
        # Whatever happens to it once its end is committed changes nothing.
        if attempt.finished:
            return Outcome.SUCCEEDED
        if running.interruption is not None:
            return await self._interrupted(attempt.claimed, running.interruption)
        if running.task.cancelled():
            return await self._failed(attempt.claimed, EndedAbruptly("It stopped without an end."))
        error = running.task.exception()
        if error is None or isinstance(error, LeaseLost):
            return Outcome.LOST
        return await self._failed(attempt.claimed, error)

    async def _interrupted(self, claimed: Claimed, why: Interruption) -> Outcome:
        match why:
            case Interruption.LOST:
                return Outcome.LOST
            case Interruption.DRAINED:
                return await self._release(claimed, 0)
            case Interruption.CANCELLED:
                ours = await self.claims.cancelled(claimed.reference)
                return Outcome.CANCELLED if ours else Outcome.LOST
            case Interruption.TOO_SLOW:
                return await self._failed(claimed, TimedOut("The attempt took too long."))

    async def _release(self, claimed: Claimed, wait: float) -> Outcome:
        ours = await self.claims.release(claimed.reference, wait=wait)
        return Outcome.RELEASED if ours else Outcome.LOST

    async def _failed(self, claimed: Claimed, error: BaseException) -> Outcome:
        self.observer.failed(error)
        final = isinstance(error, GiveUp) or claimed.attempt >= claimed.max_attempts
        wait = None if final else max(backoff(claimed.attempt, self.chance()), asked_for(error))
        failure = Failure(error=described(error), retry_in=wait)
        if not await self.claims.fail(claimed.reference, failure):
            return Outcome.LOST
        return Outcome.DEAD if final else Outcome.RETRIED

    def _claim(self, claimed: Claimed, payload: object) -> Claim[Any]:
        async def report(progress: Mapping[str, object]) -> None:
            await self.claims.report(claimed.reference, progress)

        return Claim(
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

    def __init__(self, claimed: Claimed, open_finish: OpenFinish[Any]) -> None:
        self.claimed = claimed
        self.finished = False
        self._open_finish = open_finish

    async def run(self, kind: Kind[Any, Any], claim: Claim[Any]) -> None:
        """A kind that comes back without an end has succeeded without a result."""
        try:
            await kind.run(claim, self._finish)
        except SystemExit as error:  # it would end the whole worker
            raise EndedAbruptly("It tried to end the process.") from error
        if not self.finished:
            async with self._finish():
                pass

    @asynccontextmanager
    async def _finish(self, result: Mapping[str, object] | None = None) -> AsyncIterator[Any]:
        async with self._open_finish(self.claimed.reference, result) as tx:
            yield tx
        self.finished = True


async def _watch(running: Running, timeout: float) -> None:  # noqa: ASYNC109  # an attempt's, not ours
    """Until it has ended; once told to stop, or too slow, it has a moment for that.

    One that does not listen goes on without a lease: the fence keeps it from any effect.
    """
    done, _ = await asyncio.wait(
        {running.task, running.told}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED
    )
    if not done:
        running.interrupt(Interruption.TOO_SLOW)
    if not running.task.done():
        await asyncio.wait({running.task}, timeout=GRACE)


def _payload(kind: Kind[Any, Any], claimed: Claimed) -> object:
    if claimed.data is None:
        raise InvalidPayload("The data cannot be read.", pointer="/data")
    return kind.read(claimed.data)


def _looked_at(task: asyncio.Task[None]) -> None:
    """Nobody may be left to look at what it raised."""
    if not task.cancelled():
        task.exception()
