"""What the audit log has of sign-ins and sessions."""

from typing import Unpack

from jubilee.domain.audit.entry import AuditDetails, AuditEvent, AuditLog
from jubilee.domain.auth.sessions import Session, TokenReuse
from jubilee.domain.identity import UserId
from jubilee.domain.passwords import PasswordMatch
from jubilee.domain.users.user import User

DISABLED = "account disabled"


async def record_own(
    log: AuditLog, event: AuditEvent, user_id: UserId, **details: Unpack[AuditDetails]
) -> None:
    """Record what a user does with the own account."""
    await log.record(event, actor=user_id, subject=user_id, **details)


async def record_failure(
    log: AuditLog, user: User | None, match: PasswordMatch, pseudonym: str
) -> None:
    """Record a refused sign-in; only a login that names no account is kept, as its `pseudonym`."""
    event, details = AuditEvent.SIGN_IN_FAILED, AuditDetails(reason="wrong password")
    if user is None:
        details = AuditDetails(reason="unknown login", login_hash=pseudonym)
    elif match is not PasswordMatch.NO:
        details = AuditDetails(reason="account changed" if user.is_active else DISABLED)
    await log.record(event, actor=None, subject=user.id if user else None, **details)


async def record_refusal(log: AuditLog, session: Session, reuse: TokenReuse) -> None:
    """Record that a refused refresh token ended its session; who sent it is not known."""
    event, details = AuditEvent.REFRESH_REUSED, AuditDetails(session_id=str(session.id))
    if reuse is not TokenReuse.REUSED:
        event, details["reason"] = AuditEvent.SESSION_ENDED, DISABLED
    await log.record(event, actor=None, subject=session.user_id, **details)
