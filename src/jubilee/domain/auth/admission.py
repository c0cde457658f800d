"""What an account needs to sign in, in whichever way it does."""

from dataclasses import dataclass
from enum import Enum
from typing import Protocol, TypeAlias

from jubilee.domain.audit.entry import AuditEvent, AuditTransaction
from jubilee.domain.auth.pending import MfaRequired, PendingSignIn, PendingSignInRepository
from jubilee.domain.auth.records import SignInFailure
from jubilee.domain.auth.tokens import InvalidGrant
from jubilee.domain.base64url import encode_base64url
from jubilee.domain.clock import Clock
from jubilee.domain.factors.factor import FactorKind, MfaRequirement
from jubilee.domain.factors.ports import FactorView, MakeSecret
from jubilee.domain.users.ports import UserRepository
from jubilee.domain.users.user import EmailNotVerified, EmailPolicy, User

SignInRefusal: TypeAlias = InvalidGrant | EmailNotVerified | MfaRequired
"""Why an account whose user has proved who they are may not sign in, or not yet."""


class SignInMethod(Enum):
    """By what users have proved who they are."""

    PASSWORD = "password"  # noqa: S105  # a method, not a password
    PROVIDER = "provider"
    PASSKEY = "passkey"
    """It is both factors, as it verifies its user."""
    SECOND_FACTOR = "second_factor"
    """After one of the methods that are a single factor."""

    @property
    def has_second_factor(self) -> bool:
        """Whether it takes two factors."""
        return self in {SignInMethod.PASSKEY, SignInMethod.SECOND_FACTOR}


# Ports


class AdmissionTransaction(FactorView, AuditTransaction, Protocol):
    """The repositories that decide about a sign-in."""

    @property
    def users(self) -> UserRepository:
        """The accounts."""

    @property
    def pending_sign_ins(self) -> PendingSignInRepository:
        """Sign-ins whose second factor is missing."""


@dataclass(frozen=True, slots=True)
class SignInAdmission:
    """Decides whether an account may sign in; `SessionOpener` asks it for every session."""

    email: EmailPolicy
    requirement: MfaRequirement
    make_secret: MakeSecret
    clock: Clock

    async def refusal(
        self, tx: AdmissionTransaction, user: User, method: SignInMethod
    ) -> SignInRefusal | None:
        """Return what to raise after the commit, if the account, which is locked, is refused.

        It is recorded in this transaction. Where registration hides accounts, a password that was
        just registered would tell whether it made one: then an address that is not verified is
        refused as a wrong password is.
        """
        if not user.may_sign_in(self.clock()):
            locked = user.is_active
            reason = SignInFailure.ACCOUNT_LOCKED if locked else SignInFailure.ACCOUNT_DISABLED
            await _record(tx, user, reason)
            return InvalidGrant()
        if not self.email.allows_sign_in(user):
            await _record(tx, user, SignInFailure.EMAIL_NOT_VERIFIED)
            is_hidden = self.email.hides_accounts and method is SignInMethod.PASSWORD
            return InvalidGrant() if is_hidden else EmailNotVerified()
        return None if method.has_second_factor else await self._challenge(tx, user)

    async def _challenge(self, tx: AdmissionTransaction, user: User) -> MfaRequired | None:
        """Ask for a second factor, if the account has one or must use one.

        A passkey does not end sign-ins by a single factor, unless the account must have a second
        one. An account that must have one and has none gets a session that may add one.
        """
        kinds = await tx.factors.kinds_of(user.id)
        is_required = self.requirement.applies_to(is_admin=user.is_superuser)
        if FactorKind.TOTP not in kinds and not (is_required and kinds):
            return None
        token, now = encode_base64url(self.make_secret()), self.clock()
        await tx.pending_sign_ins.add(PendingSignIn.of(user, token, now), now=now)
        return MfaRequired(token, kinds)


async def _record(tx: AuditTransaction, user: User, reason: SignInFailure) -> None:
    event = AuditEvent.SIGN_IN_FAILED
    await tx.audit.record(event, actor=None, subject=user.id, reason=reason.value)
