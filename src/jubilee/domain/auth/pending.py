"""Sign-ins whose second factor is missing: a short-lived token stands for the first one."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Protocol

from jubilee.domain.errors import NotAllowed
from jubilee.domain.factors.factor import FactorKind
from jubilee.domain.identity import UserId
from jubilee.domain.users.user import User

TOKEN_LIFETIME = timedelta(minutes=5)
MAX_TRIES = 5  # of one token
MAX_PENDING_PER_USER = 10  # a new one replaces the oldest


class MfaRequired(NotAllowed):
    """The first step of the sign-in is done, and a second factor is needed: see `factors`."""

    code = "mfa_required"

    def __init__(self, token: str = "", factors: Collection[FactorKind] = ()) -> None:
        """`token` is for `SecondStep.complete` and opens nothing else."""
        super().__init__()
        self.token = token
        self.factors = factors


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingSignIn:
    """A sign-in whose second factor is missing; it ends if the password changes."""

    token_hash: bytes = field(repr=False)
    user_id: UserId
    password_digest: bytes = field(repr=False)
    expires_at: datetime

    @classmethod
    def of(cls, user: User, token: str, now: datetime) -> "PendingSignIn":
        """Return the pending sign-in of an account, to be completed with the token."""
        return cls(
            token_hash=mfa_token_hash(token),
            user_id=user.id,
            password_digest=_password_digest(user),
            expires_at=now + TOKEN_LIFETIME,
        )

    def is_current(self, user: User) -> bool:
        """Return whether the account still has the password that it was begun with."""
        return self.password_digest == _password_digest(user)


# Ports


class PendingSignInRepository(Protocol):
    """Sign-ins whose second factor is missing."""

    async def add(self, pending: PendingSignIn, *, now: datetime) -> None:
        """Insert it; delete the expired ones of the account, and the oldest beyond the maximum."""

    async def count_try(self, token_hash: bytes, *, now: datetime) -> PendingSignIn | None:
        """Count a try; return None if it does not exist, has expired or had MAX_TRIES."""

    async def take(self, token_hash: bytes) -> bool:
        """Delete it; return whether it existed. Of parallel calls, one returns True."""


def mfa_token_hash(token: str) -> bytes:
    """Return the hash of an `mfa_token`, as stored; 256 random bits need no slow hash."""
    return sha256(token.encode(errors="surrogatepass")).digest()


def _password_digest(user: User) -> bytes:
    return sha256((user.password_hash or "").encode()).digest()
