"""The guard of every password check: limits attempts, and records the locks that follow."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from jubilee.domain.attempts.attempt import (
    DEFAULT_LIMITS,
    Admission,
    AttemptLimits,
    AttemptObserver,
    AttemptOutcome,
    AttemptStore,
    LockEnd,
    PasswordAttempt,
    TooManyAttempts,
)
from jubilee.domain.audit.entry import AuditEvent, AuditTransaction
from jubilee.domain.errors import DomainError, Unavailable
from jubilee.domain.identity import Principal, UserId
from jubilee.domain.keyed_semaphore import KeyedSemaphore
from jubilee.domain.passwords import HasherBusy
from jubilee.domain.transaction import Begin

PARALLEL_PER_PAIR = 2  # of an account and an address, in a process: one waits while one is hashed
PARALLEL_PER_ADDRESS = 16
MAX_WAITING = 200  # for one key
WATCH_INTERVAL_S = 5.0


def _pair_semaphore() -> KeyedSemaphore:
    return KeyedSemaphore(PARALLEL_PER_PAIR, max_waiting=MAX_WAITING)


def _address_semaphore() -> KeyedSemaphore:
    return KeyedSemaphore(PARALLEL_PER_ADDRESS, max_waiting=MAX_WAITING)


@dataclass(frozen=True, slots=True)
class AttemptGuard:
    """Admits attempts within the limits.

    Only a few attempts from one address run at a time, the others wait for them. So parallel
    attempts with the right password all succeed, although each one is counted first.
    """

    store: AttemptStore
    write: Begin[AuditTransaction]
    observer: AttemptObserver
    limits: AttemptLimits = DEFAULT_LIMITS
    time_left: Callable[[], float] = lambda: math.inf
    """Returns the seconds until the request must have ended."""
    require_place: Callable[[], None] = lambda: None
    """Raises HasherBusy if the password would not be checked: before anything is counted."""
    pairs: KeyedSemaphore = field(default_factory=_pair_semaphore)
    addresses: KeyedSemaphore = field(default_factory=_address_semaphore)

    def refuse_when_busy(self) -> None:
        """Raise HasherBusy if an attempt would be refused now: before anything is looked up."""
        try:
            self.require_place()
        except HasherBusy:
            self.observer.attempt_ended(AttemptOutcome.UNCHECKED)
            raise

    @asynccontextmanager
    async def attempt(self, attempt: PasswordAttempt) -> AsyncIterator[None]:
        """Check a password in the block, which raises a DomainError for a wrong one.

        Raises TooManyAttempts before the block, or HasherBusy if too many others are waiting.
        An error that is Unavailable takes the count back; a cancelled block stays counted.
        """
        self.refuse_when_busy()
        async with (
            self._held(self.pairs, f"{attempt.target} {attempt.address}"),
            self._held(self.addresses, attempt.address),
        ):
            admission = await self._begin(attempt)
            try:
                yield
            except Unavailable:
                await self.store.withdraw(attempt, admission)
                self.observer.attempt_ended(AttemptOutcome.UNCHECKED)
                raise
            except DomainError:
                await self._fail(attempt, admission)
                raise
            await self._succeed(attempt, admission)

    async def lift(self, user_id: UserId, *, by: Principal) -> bool:
        """Accept attempts at the account again; return whether it was locked."""
        locked = await self.store.lift(user_id)
        if locked:
            await self._record_end(user_id, LockEnd.LIFTED, actor=by.user_id)
        return locked

    async def watch_locks(self) -> None:
        """Record, until cancelled, the locks that end by themselves."""
        while True:
            await asyncio.sleep(WATCH_INTERVAL_S)
            with suppress(Unavailable):
                await self.record_ended_locks()

    async def record_ended_locks(self) -> None:
        """Record the locks that have ended by themselves since the last call."""
        for user_id in await self.store.pop_ended_locks():
            with suppress(Unavailable):
                await self._record_end(user_id, LockEnd.EXPIRED)

    async def _begin(self, attempt: PasswordAttempt) -> Admission:
        admission = await self.store.begin(attempt)
        if admission.retry_after_s is not None:
            self.observer.attempt_ended(AttemptOutcome.REFUSED)
            raise TooManyAttempts(admission.retry_after_s)
        return admission

    async def _succeed(self, attempt: PasswordAttempt, admission: Admission) -> None:
        self.observer.attempt_ended(AttemptOutcome.SUCCEEDED)
        if await self.store.succeed(attempt, admission) and attempt.user_id is not None:
            with suppress(Unavailable):  # the session is open
                await self._record_end(attempt.user_id, LockEnd.SIGNED_IN)

    async def _fail(self, attempt: PasswordAttempt, admission: Admission) -> None:
        self.observer.attempt_ended(AttemptOutcome.WRONG)
        seconds, user_id = self.limits.window_s, attempt.user_id
        if attempt.address is not None and admission.left_of_address == 0:
            self.observer.address_locked(attempt.address, seconds)
        if user_id is None or admission.left > 0 or admission.is_known:
            return
        await self.store.add_lock(user_id, seconds=seconds)
        self.observer.account_locked(user_id, seconds)
        async with self.write() as tx:
            await tx.audit.record(AuditEvent.ACCOUNT_LOCKED, actor=None, subject=user_id)

    async def _record_end(
        self, user_id: UserId, end: LockEnd, *, actor: UserId | None = None
    ) -> None:
        """Record that a lock has ended; if that fails, the next `record_ended_locks` does."""
        event = AuditEvent.ACCOUNT_UNLOCKED
        try:
            async with self.write() as tx:
                await tx.audit.record(event, actor=actor, subject=user_id, reason=end.value)
        except Unavailable:
            await self.store.add_lock(user_id, seconds=0)
            raise
        self.observer.account_unlocked(user_id, end)

    @asynccontextmanager
    async def _held(self, semaphore: KeyedSemaphore, key: str | None) -> AsyncIterator[None]:
        if key is None:
            yield
            return
        left = self.time_left()
        try:
            async with asyncio.timeout(None if math.isinf(left) else left):
                await semaphore.acquire(key)
        except (TimeoutError, Unavailable) as error:
            raise HasherBusy from error
        try:
            yield
        finally:
            semaphore.release(key)
