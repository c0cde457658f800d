"""Recent proofs: sensitive requests need a proof of identity that is a few minutes old at most."""

from dataclasses import dataclass, field
from typing import Protocol

from jubilee.domain.attempts.guard import AttemptGuard
from jubilee.domain.audit.entry import AuditEvent, AuditTransaction, record_own
from jubilee.domain.clock import Clock
from jubilee.domain.factors.factor import FactorRequired, MfaRequirement, TypedFactor, WrongCode
from jubilee.domain.factors.ports import VerifyingTransaction
from jubilee.domain.factors.verifier import FactorVerifier
from jubilee.domain.identity import Principal
from jubilee.domain.owned_rows import SessionProofStore
from jubilee.domain.passwords import PasswordHasher
from jubilee.domain.transaction import Begin
from jubilee.domain.users.password_proof import PasswordProof
from jubilee.domain.users.ports import UserView
from jubilee.domain.users.recent_proof import ReauthenticationRequired, RecentProof
from jubilee.domain.users.user import WrongCurrentPassword

# Ports


class ProofTransaction(VerifyingTransaction, AuditTransaction, Protocol):
    """The repositories that a proof needs in one transaction."""

    @property
    def sessions(self) -> SessionProofStore:
        """The proofs of sessions."""


@dataclass(frozen=True, slots=True)
class PasswordGiven:
    """The account's password, as typed."""

    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ProofService:
    """Takes proofs of identity within a session, and requires them to be recent.

    A sign-in is a proof. Endpoints declare `recent_proof=True`; the framework then calls
    `require_recent` with the principal, whose session was read with the proof in one statement.
    Endpoints without `for_enrolment=True` need a second factor where one is required.
    """

    write: Begin[ProofTransaction]
    read: Begin[UserView]
    hasher: PasswordHasher
    guard: AttemptGuard
    verifier: FactorVerifier
    requirement: MfaRequirement
    recent: RecentProof
    clock: Clock

    def require_recent(self, principal: Principal) -> None:
        """Raise ReauthenticationRequired unless the last proof is younger than the window."""
        self.recent.require(principal)

    def require_factor(self, principal: Principal) -> None:
        """Raise FactorRequired if the session needs a second factor and has none."""
        if principal.second_factor or self.requirement is MfaRequirement.OFF:
            return
        has_session = principal.session_id is not None
        if has_session and self.requirement.applies_to(is_admin=principal.is_admin):
            raise FactorRequired

    async def reauthenticate(self, given: PasswordGiven | TypedFactor, *, by: Principal) -> None:
        """Take the password, or a code of an authenticator app, as proof for this session.

        Raises ReauthenticationRequired for a wrong one, or TooManyAttempts.
        """
        try:
            if isinstance(given, PasswordGiven):
                await self._check_password(given.password, by)
            else:
                await self._use_code(given, by)
        except (WrongCurrentPassword, WrongCode) as error:
            raise ReauthenticationRequired("The password or the code is wrong.") from error

    async def _check_password(self, password: str, by: Principal) -> None:
        async with self.read() as view:
            user = await view.users.get(by.user_id)
        proof = PasswordProof(self.write, self.hasher, self.guard)
        await proof.require(user, password, by=by)
        async with self.write() as tx:
            await self._prove(tx, by, second_factor=False)

    async def _use_code(self, typed: TypedFactor, by: Principal) -> None:
        try:
            async with self.verifier.attempt_by(by), self.write() as tx:
                await self.verifier.require(tx, by.user_id, typed)
                await self._prove(tx, by, second_factor=True)
        except WrongCode:
            event = AuditEvent.REAUTHENTICATION_FAILED
            async with self.write() as tx:
                await tx.audit.record(event, actor=by.user_id, subject=by.user_id)
            raise

    async def _prove(self, tx: ProofTransaction, by: Principal, *, second_factor: bool) -> None:
        await tx.sessions.prove(by.session, at=self.clock(), second_factor=second_factor)
        event, session_id = AuditEvent.REAUTHENTICATED, str(by.session)
        await record_own(tx.audit, event, by.user_id, session_id=session_id)
