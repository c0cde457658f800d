"""The current password of an account, as its owner's proof."""

from dataclasses import dataclass

from jubilee.domain.attempts.attempt import PasswordAttempt
from jubilee.domain.attempts.guard import AttemptGuard
from jubilee.domain.audit.entry import AuditEvent, AuditTransaction
from jubilee.domain.identity import Principal
from jubilee.domain.passwords import PasswordHasher, PasswordMatch, match_password
from jubilee.domain.transaction import Begin
from jubilee.domain.users.user import User, WrongCurrentPassword


@dataclass(frozen=True, slots=True)
class PasswordProof:
    """Checks the current password, within the limits of attempts of a session."""

    write: Begin[AuditTransaction]
    hasher: PasswordHasher
    guard: AttemptGuard

    async def require(self, user: User, password: str, *, by: Principal) -> None:
        """Raise WrongCurrentPassword and record it, or raise TooManyAttempts."""
        async with self.guard.attempt(PasswordAttempt.current_password(by)):
            match = await match_password(self.hasher, user.password_hash, password)
            if match is PasswordMatch.NO:
                event = AuditEvent.REAUTHENTICATION_FAILED
                async with self.write() as tx:
                    await tx.audit.record(event, actor=by.user_id, subject=user.id)
                raise WrongCurrentPassword
