"""Attempts counted in the memory of one process, for as long as Redis does not answer."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from jubilee.domain.attempts.attempt import Admission, AttemptLimits, AttemptStore, PasswordAttempt
from jubilee.domain.errors import Unavailable
from jubilee.domain.identity import UserId

MAX_COUNTERS = 20_000
MAX_LOCKS = 20_000
MAX_KNOWN_PAIRS = 20_000


@dataclass(slots=True)
class AttemptCounter:
    """Attempts so far, and when they are forgotten."""

    count: int
    until: float


class MemoryAttemptStore(AttemptStore):
    """Counters by name, at most MAX_COUNTERS; a full table forgets the lowest.

    A counter at its limit is forgotten last: many addresses cannot lift a lock.
    """

    def __init__(self, limits: AttemptLimits, now: Callable[[], float]) -> None:
        """`now` returns seconds."""
        self._limits = limits
        self._now = now
        self._counters: dict[str, AttemptCounter] = {}
        self._known: dict[tuple[UserId, str], None] = {}
        self._locks: dict[UserId, float] = {}

    async def begin(self, attempt: PasswordAttempt) -> Admission:
        is_known = (attempt.user_id, attempt.address) in self._known
        found = [
            (name, limit, self._current(name)) for name, limit in self._names(attempt, is_known)
        ]
        ends = [known.until for _, limit, known in found if known.count >= limit]
        if ends:
            wait_s = math.ceil(max(ends) - self._now())
            return Admission(is_known=is_known, retry_after_s=max(1, wait_s))
        for name, limit, counter in found:
            self._count(name, limit, counter)
        left, *others = [limit - counter.count for _, limit, counter in found]
        return Admission(left, others[0] if others else None, is_known=is_known)

    async def succeed(self, attempt: PasswordAttempt, admission: Admission) -> bool:
        counted = list(self._names(attempt, admission.is_known))
        self._counters.pop(counted[0][0], None)
        for name, _ in counted[1:]:
            self._uncount(name)
        if attempt.user_id is None:
            return False
        if attempt.address is not None:
            self._remember(attempt.user_id, attempt.address)
        return not admission.is_known and self._locks.pop(attempt.user_id, None) is not None

    async def withdraw(self, attempt: PasswordAttempt, admission: Admission) -> None:
        for name, _ in self._names(attempt, admission.is_known):
            self._uncount(name)

    async def add_lock(self, user_id: UserId, *, seconds: int) -> None:
        if len(self._locks) < MAX_LOCKS:
            self._locks[user_id] = self._now() + seconds

    async def lift(self, user_id: UserId) -> bool:
        names = {f"user:{user_id}"}
        names |= {_pair(user_id, address) for known, address in self._known if known == user_id}
        for name in names:
            self._counters.pop(name, None)
        return self._locks.pop(user_id, None) is not None

    async def pop_ended_locks(self) -> Sequence[UserId]:
        ended = [user_id for user_id, until in self._locks.items() if until <= self._now()]
        for user_id in ended:
            del self._locks[user_id]
        return ended

    def _names(self, attempt: PasswordAttempt, is_known: bool) -> Iterator[tuple[str, int]]:
        """Generate the counters of the attempt and their limits, the account's first."""
        if is_known and attempt.user_id is not None and attempt.address is not None:
            yield _pair(attempt.user_id, attempt.address), self._limits.account
            return
        yield attempt.target, self._limits.account
        if attempt.address is not None:
            yield f"address:{attempt.address}", self._limits.address

    def _current(self, name: str) -> AttemptCounter:
        found = self._counters.get(name)
        if found is None or found.until <= self._now():
            return AttemptCounter(0, self._now() + self._limits.window_s)
        return found

    def _count(self, name: str, limit: int, counter: AttemptCounter) -> None:
        counter.count += 1
        if counter.count == limit:
            counter.until = self._now() + self._limits.window_s
        self._counters[name] = counter
        if len(self._counters) > MAX_COUNTERS:
            self._shrink()

    def _uncount(self, name: str) -> None:
        found = self._counters.get(name)
        if found is not None and found.count > 0:
            found.count -= 1

    def _remember(self, user_id: UserId, address: str) -> None:
        self._known.pop((user_id, address), None)
        self._known[user_id, address] = None
        if len(self._known) > MAX_KNOWN_PAIRS:
            del self._known[next(iter(self._known))]

    def _shrink(self) -> None:
        """Forget a tenth of the counters: those that ended, then the lowest."""
        now = self._now()
        order = sorted(
            self._counters, key=lambda name: (self._counters[name].until > now, self._rank(name))
        )
        for name in order[: MAX_COUNTERS // 10]:
            del self._counters[name]

    def _rank(self, name: str) -> tuple[int, float]:
        counter = self._counters[name]
        return counter.count, counter.until


class FallbackAttemptStore(AttemptStore):
    """Counts in the `shared` store; while it is unavailable, in the `own` one of the process.

    The limits of the own store are smaller, as every process has one.
    """

    def __init__(self, shared: AttemptStore, own: AttemptStore) -> None:
        self._shared = shared
        self._own = own

    async def begin(self, attempt: PasswordAttempt) -> Admission:
        try:
            return await self._shared.begin(attempt)
        except Unavailable:
            return await self._own.begin(attempt)

    async def succeed(self, attempt: PasswordAttempt, admission: Admission) -> bool:
        ended = await self._own.succeed(attempt, admission)
        try:
            return await self._shared.succeed(attempt, admission) or ended
        except Unavailable:
            return ended

    async def withdraw(self, attempt: PasswordAttempt, admission: Admission) -> None:
        try:
            await self._shared.withdraw(attempt, admission)
        except Unavailable:
            await self._own.withdraw(attempt, admission)

    async def add_lock(self, user_id: UserId, *, seconds: int) -> None:
        try:
            await self._shared.add_lock(user_id, seconds=seconds)
        except Unavailable:
            await self._own.add_lock(user_id, seconds=seconds)

    async def lift(self, user_id: UserId) -> bool:
        """Raises Unavailable where only the lock of this process could be lifted."""
        own = await self._own.lift(user_id)
        return await self._shared.lift(user_id) or own

    async def pop_ended_locks(self) -> Sequence[UserId]:
        own = await self._own.pop_ended_locks()
        try:
            return [*own, *await self._shared.pop_ended_locks()]
        except Unavailable:
            return own


def _pair(user_id: UserId, address: str) -> str:
    return f"known:{user_id}:{address}"
