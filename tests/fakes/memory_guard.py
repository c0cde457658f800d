"""A guard that limits attempts in memory."""

from jubilee.domain.attempts.attempt import AttemptLimits, AttemptObserver
from jubilee.domain.attempts.guard import AttemptGuard
from jubilee.domain.attempts.memory import MemoryAttemptStore
from tests.fakes.store import FakeStore


def memory_guard(
    limits: AttemptLimits, store: FakeStore, observer: AttemptObserver
) -> AttemptGuard:
    attempts = MemoryAttemptStore(limits, lambda: store.clock().timestamp())
    return AttemptGuard(attempts, store.transaction, observer)
