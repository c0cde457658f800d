"""The second step of a sign-in: a short-lived token, to which a second factor is given."""

from base64 import urlsafe_b64encode
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Protocol

from jubilee.domain.audit.entry import AuditEvent
from jubilee.domain.auth.opening import OpeningTransaction, SessionOpener, Tokens
from jubilee.domain.auth.records import SignInFailure
from jubilee.domain.auth.sessions import ClientInfo
from jubilee.domain.clock import Clock
from jubilee.domain.errors import Invalid, NotAllowed
from jubilee.domain.factors.factor import FactorKind, MfaRequirement, TypedFactor, WrongCode
from jubilee.domain.factors.ports import MakeSecret, VerifyingTransaction
from jubilee.domain.factors.verifier import FactorVerifier
from jubilee.domain.identity import UserId
from jubilee.domain.transaction import Begin
from jubilee.domain.users.ports import UserRepository
from jubilee.domain.users.user import User, UserNotFound

TOKEN_LIFETIME = timedelta(minutes=5)
MAX_TRIES = 5  # of one token
MAX_PENDING_PER_USER = 10  # a new one replaces the oldest


class MfaRequired(NotAllowed):
    """The password is right, and a second factor is needed: see `factors`."""

    code = "mfa_required"

    def __init__(self, token: str = "", factors: Collection[FactorKind] = ()) -> None:
        """`token` is for `SecondStep.complete` and opens nothing else."""
        super().__init__()
        self.token = token
        self.factors = factors


class InvalidMfaToken(Invalid):
    """The `mfa_token` is wrong, expired, used, or had too many wrong codes: sign in again."""

    code = "invalid_mfa_token"


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingSignIn:
    """A sign-in whose second factor is missing; it ends if the password changes."""

    token_hash: bytes = field(repr=False)
    user_id: UserId
    password_digest: bytes = field(repr=False)
    expires_at: datetime


# Ports


class PendingSignInRepository(Protocol):
    """Sign-ins whose second factor is missing."""

    async def add(self, pending: PendingSignIn, *, now: datetime) -> None:
        """Insert it; delete the expired ones of the account, and the oldest beyond the maximum."""

    async def count_try(self, token_hash: bytes, *, now: datetime) -> PendingSignIn | None:
        """Count a try; return None if it does not exist, has expired or had MAX_TRIES."""

    async def take(self, token_hash: bytes) -> bool:
        """Delete it; return whether it existed. Of parallel calls, one returns True."""


class SecondStepTransaction(VerifyingTransaction, OpeningTransaction, Protocol):
    """The repositories that the second step needs in one transaction."""

    @property
    def users(self) -> UserRepository:
        """The accounts."""

    @property
    def pending_sign_ins(self) -> PendingSignInRepository:
        """Sign-ins whose second factor is missing."""


@dataclass(frozen=True, slots=True)
class SecondStep:
    """Asks for a second factor where an account has one, and opens the session with it."""

    write: Begin[SecondStepTransaction]
    verifier: FactorVerifier
    opener: SessionOpener
    requirement: MfaRequirement
    make_secret: MakeSecret
    clock: Clock

    async def challenge(self, tx: SecondStepTransaction, user: User) -> MfaRequired | None:
        """Return what to raise after the commit; None if the password is enough.

        A passkey does not end sign-ins by the password alone, unless the account must have a
        second factor. An account that must have one and has none gets a session that may add one.
        """
        kinds = await tx.factors.kinds_of(user.id)
        is_required = self.requirement.applies_to(is_admin=user.is_superuser)
        if FactorKind.TOTP not in kinds and not (is_required and kinds):
            return None
        token, now = urlsafe_b64encode(self.make_secret()).decode().rstrip("="), self.clock()
        pending = PendingSignIn(
            token_hash=_token_hash(token),
            user_id=user.id,
            password_digest=_password_digest(user),
            expires_at=now + TOKEN_LIFETIME,
        )
        await tx.pending_sign_ins.add(pending, now=now)
        return MfaRequired(token, kinds)

    async def complete(self, token: str, typed: TypedFactor, client: ClientInfo) -> Tokens:
        """Open the session of a challenged sign-in.

        Raises InvalidMfaToken, WrongCode or TooManyAttempts.
        """
        async with self.write() as tx:
            pending = await tx.pending_sign_ins.count_try(_token_hash(token), now=self.clock())
        if pending is None:
            raise InvalidMfaToken
        try:
            async with self.verifier.attempt_of(pending.user_id), self.write() as tx:
                user = await _challenged(tx, pending, self.clock())
                await self.verifier.require(tx, user.id, typed)
                if typed.kind is FactorKind.RECOVERY_CODE:
                    event = AuditEvent.RECOVERY_CODE_USED
                    await tx.audit.record(event, actor=user.id, subject=user.id)
                return await self.opener.open(tx, user, client, second_factor=True)
        except WrongCode:
            await self._record_failure(pending.user_id)
            raise

    async def _record_failure(self, user_id: UserId) -> None:
        event, reason = AuditEvent.SIGN_IN_FAILED, SignInFailure.WRONG_CODE
        async with self.write() as tx:
            await tx.audit.record(event, actor=None, subject=user_id, reason=reason.value)


async def _challenged(tx: SecondStepTransaction, pending: PendingSignIn, now: datetime) -> User:
    """Return the account, locked, and end the pending sign-in; raise InvalidMfaToken."""
    try:
        user = await tx.users.get(pending.user_id, lock=True)
    except UserNotFound:
        raise InvalidMfaToken from None
    is_same = user.may_sign_in(now) and _password_digest(user) == pending.password_digest
    if not is_same or not await tx.pending_sign_ins.take(pending.token_hash):
        raise InvalidMfaToken
    return user


def _token_hash(token: str) -> bytes:
    return sha256(token.encode(errors="surrogatepass")).digest()


def _password_digest(user: User) -> bytes:
    return sha256((user.password_hash or "").encode()).digest()
