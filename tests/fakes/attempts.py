"""An observer of attempts and locks that keeps what it is told."""

from collections import Counter
from dataclasses import dataclass, field

from jubilee.domain.attempts.attempt import AttemptObserver, AttemptOutcome, LockEnd
from jubilee.domain.identity import UserId


@dataclass(slots=True)
class FakeAttemptObserver(AttemptObserver):
    """Keep locks in lists, and count outcomes."""

    locked: list[UserId] = field(default_factory=list)
    unlocked: list[tuple[UserId, LockEnd]] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    outcomes: Counter[AttemptOutcome] = field(default_factory=Counter)

    def attempt_ended(self, outcome: AttemptOutcome) -> None:
        self.outcomes[outcome] += 1

    def account_locked(self, user_id: UserId, seconds: int) -> None:
        assert seconds > 0
        self.locked.append(user_id)

    def account_unlocked(self, user_id: UserId, end: LockEnd) -> None:
        self.unlocked.append((user_id, end))

    def address_locked(self, address: str, seconds: int) -> None:
        assert seconds > 0
        self.addresses.append(address)
