"""What the use cases of second factors need of storage, algorithms and encryption."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Protocol, TypeAlias
from uuid import UUID

from jubilee.domain.audit.entry import AuditTransaction
from jubilee.domain.factors.factor import FactorKind, TotpFactor
from jubilee.domain.identity import UserId
from jubilee.domain.jobs.queue import JobQueue
from jubilee.domain.owned_rows import SessionProofStore
from jubilee.domain.seals import SealState
from jubilee.domain.users.ports import UserRepository

MakeSecret: TypeAlias = Callable[[], bytes]
"""Returns 32 random bytes."""


class FactorRepository(Protocol):
    """The second factors of accounts."""

    async def list_for(self, user_id: UserId, *, lock: bool = False) -> Sequence[TotpFactor]:
        """List the authenticator apps, oldest first; `lock` holds their rows."""

    async def add(self, factor: TotpFactor) -> None:
        """Insert an authenticator app in place of those that were never confirmed."""

    async def save(self, factor: TotpFactor) -> None:
        """Update whether it is confirmed, and the step of its last code."""

    async def remove(self, factor_id: UUID) -> None:
        """Delete an authenticator app."""

    async def clear(self, user_id: UserId) -> None:
        """Delete all factors, passkeys, recovery codes and unfinished sign-ins of the account."""

    async def kinds_of(self, user_id: UserId) -> Collection[FactorKind]:
        """Return the kinds of factors that the account can use; one statement."""


class RecoveryCodeRepository(Protocol):
    """The recovery codes that have not been used."""

    async def replace(self, user_id: UserId, hashes: Collection[bytes]) -> None:
        """Store these codes in place of all codes of the account."""

    async def use(self, user_id: UserId, code_hash: bytes) -> bool:
        """Delete the code; return whether it existed. Of parallel calls, one returns True."""

    async def count(self, user_id: UserId) -> int:
        """Count the codes of the account."""


class FactorView(Protocol):
    """The repositories that factors are read from."""

    @property
    def factors(self) -> FactorRepository:
        """The second factors."""

    @property
    def recovery_codes(self) -> RecoveryCodeRepository:
        """The recovery codes."""


class VerifyingTransaction(FactorView, Protocol):
    """A transaction in which codes are used."""


class FactorTransaction(VerifyingTransaction, AuditTransaction, Protocol):
    """A transaction in which factors are added and removed."""

    @property
    def users(self) -> UserRepository:
        """The accounts."""

    @property
    def sessions(self) -> SessionProofStore:
        """The proofs of sessions."""

    @property
    def jobs(self) -> JobQueue:
        """The mails to enqueue."""


class TotpAlgorithm(Protocol):
    """Codes that change every 30 seconds (RFC 6238)."""

    def new_secret(self) -> str:
        """Return a random secret in Base32."""

    def uri(self, secret: str, account: str) -> str:
        """Return the `otpauth://` URI, which authenticator apps read as a QR code."""

    def step_of(self, secret: str, code: str, now: datetime) -> int | None:
        """Return the step of the code: the current one, the one before or after, or None."""


class SecretCipher(Protocol):
    """Encrypts secrets that are stored."""

    def seal(self, context: bytes, secret: bytes) -> bytes:
        """Encrypt; the result opens with the same context only."""

    def open(self, context: bytes, sealed: bytes) -> bytes:
        """Decrypt, with a previous key if need be; raise Unavailable if no key opens it."""

    def state(self, context: bytes, sealed: bytes) -> SealState:
        """Return which key has encrypted it."""
