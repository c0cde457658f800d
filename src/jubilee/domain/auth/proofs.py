"""Recent proofs: sensitive requests need a proof of identity that is a few minutes old at most."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from jubilee.domain.attempts.guard import AttemptGuard
from jubilee.domain.audit.entry import AuditEvent, AuditTransaction
from jubilee.domain.clock import Clock
from jubilee.domain.errors import NotAllowed
from jubilee.domain.identity import Principal
from jubilee.domain.owned_rows import SessionProofStore
from jubilee.domain.passwords import PasswordHasher
from jubilee.domain.transaction import Begin
from jubilee.domain.users.password_proof import PasswordProof
from jubilee.domain.users.ports import UserView
from jubilee.domain.users.user import WrongCurrentPassword

DEFAULT_WINDOW = timedelta(minutes=15)


class ReauthenticationRequired(NotAllowed):
    """This needs a recent proof of who you are."""

    code = "reauthentication_required"


# Ports


class ProofTransaction(AuditTransaction, Protocol):
    """The repositories that a proof needs in one transaction."""

    @property
    def sessions(self) -> SessionProofStore:
        """The proofs of sessions."""


@dataclass(frozen=True, slots=True)
class ProofService:
    """Takes proofs of identity within a session, and requires them to be recent.

    A sign-in is a proof. Endpoints declare `recent_proof=True`; the framework then calls
    `require_recent` with the principal, whose session was read with the proof in one statement.
    """

    write: Begin[ProofTransaction]
    read: Begin[UserView]
    hasher: PasswordHasher
    guard: AttemptGuard
    clock: Clock
    window: timedelta

    def require_recent(self, principal: Principal) -> None:
        """Raise ReauthenticationRequired unless the last proof is younger than the window."""
        proved_at = principal.proved_at
        if proved_at is None or self.clock() - proved_at >= self.window:
            raise ReauthenticationRequired

    async def reauthenticate(self, password: str, *, by: Principal) -> None:
        """Take the account's password as proof for the session of the request.

        Raises ReauthenticationRequired for a wrong one, or TooManyAttempts.
        """
        async with self.read() as view:
            user = await view.users.get(by.user_id)
        try:
            proof = PasswordProof(self.write, self.hasher, self.guard)
            await proof.require(user, password, by=by)
        except WrongCurrentPassword as error:
            raise ReauthenticationRequired("The password is wrong.") from error
        async with self.write() as tx:
            await tx.sessions.prove(by.session, at=self.clock())
            await tx.audit.record(
                AuditEvent.REAUTHENTICATED,
                actor=by.user_id,
                subject=by.user_id,
                session_id=str(by.session),
            )
