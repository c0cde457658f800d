"""An attempt at a password, its admission, and the ports that count attempts and record locks."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from jubilee.domain.errors import LimitReached
from jubilee.domain.identity import Principal, UserId, name_key
from jubilee.domain.ip_addresses import address_key

WINDOW_S = 900


class TooManyAttempts(LimitReached):
    """There were too many wrong passwords; wait for the seconds in `Retry-After`."""

    code = "too_many_attempts"

    def __init__(self, retry_after_s: int = WINDOW_S) -> None:
        """`retry_after_s` is when the next attempt is allowed."""
        super().__init__()
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class AttemptLimits:
    """How many attempts may fail within `window_s` seconds.

    The last of them begins a lock, which ends `window_s` seconds later and resets the counter.
    """

    account: int = 10
    """At one account from addresses that it does not know, and from each one that it knows."""
    address: int = 60
    """From one address at any accounts that do not know it."""
    window_s: int = WINDOW_S


DEFAULT_LIMITS = AttemptLimits()


@dataclass(frozen=True, slots=True)
class PasswordAttempt:
    """Whose password is tried, and from where; `target` names the counter of the account."""

    target: str
    user_id: UserId | None = None
    address: str | None = None

    @classmethod
    def sign_in(cls, login: str, user_id: UserId | None, address: str | None) -> "PasswordAttempt":
        """Describe a sign-in: all names of an account share a counter, an unknown name has one.

        Of an IPv6 address, the network counts.
        """
        target = f"login:{name_key(login)}" if user_id is None else f"user:{user_id}"
        return cls(target, user_id, address_key(address))

    @classmethod
    def current_password(cls, by: Principal) -> "PasswordAttempt":
        """Describe a proof within a session, which sign-ins from elsewhere must not lock.

        Raises SessionRequired.
        """
        return cls(f"session:{by.session}")

    @classmethod
    def mailed_code(cls, purpose: str, recipient: str, address: str | None) -> "PasswordAttempt":
        """Describe a typed code that was mailed to `recipient`, known or not."""
        return cls(f"{purpose}:{name_key(recipient)}", None, address_key(address))

    @classmethod
    def second_factor(cls, user_id: UserId) -> "PasswordAttempt":
        """Describe a code of a sign-in; all factors and sign-ins of an account share a counter."""
        return cls(f"factor:{user_id}")


@dataclass(frozen=True, slots=True)
class Admission:
    """Whether an attempt may be made."""

    left: int = 0
    """Further attempts until the lock of the account."""
    left_of_address: int | None = None
    """Further attempts until the lock of the address; None if the address was not counted."""
    is_known: bool = False
    """Whether the account knows the address, and the attempt was counted for both together."""
    retry_after_s: int | None = None
    """Seconds until the next attempt is allowed, where this one is not."""


class LockEnd(StrEnum):
    """Why the lock of an account ended."""

    EXPIRED = "expired"
    SIGNED_IN = "signed_in"
    LIFTED = "lifted"


class AttemptOutcome(StrEnum):
    """How an attempt ended."""

    SUCCEEDED = "succeeded"
    WRONG = "wrong"
    REFUSED = "refused"
    UNCHECKED = "unchecked"  # the service was busy, or a dependency did not answer


# Ports


class AttemptStore(Protocol):
    """The counters of attempts, the addresses that accounts know, and the locks."""

    async def begin(self, attempt: PasswordAttempt) -> Admission:
        """Count the attempt if it is allowed; check and count are one atomic step."""

    async def succeed(self, attempt: PasswordAttempt, admission: Admission) -> bool:
        """Reset the counter and remember the address; return whether that ended a lock."""

    async def withdraw(self, attempt: PasswordAttempt, admission: Admission) -> None:
        """Take back the count of an attempt whose password was not checked."""

    async def add_lock(self, user_id: UserId, *, seconds: int) -> None:
        """Remember that the account is locked for so long."""

    async def lift(self, user_id: UserId) -> bool:
        """Reset all counters of the account; return whether it was locked."""

    async def pop_ended_locks(self) -> Sequence[UserId]:
        """Forget and return the locks that have ended by themselves."""


class AttemptObserver(Protocol):
    """Counts attempts and logs locks; must be quick and must not raise."""

    def attempt_ended(self, outcome: AttemptOutcome) -> None:
        """An attempt was checked or refused."""

    def account_locked(self, user_id: UserId, seconds: int) -> None:
        """Sign-ins of the account from addresses that it does not know are refused for so long."""

    def account_unlocked(self, user_id: UserId, end: LockEnd) -> None:
        """They are accepted again."""

    def address_locked(self, address: str, seconds: int) -> None:
        """Sign-ins from the address are refused for so long, except to accounts that know it."""
