"""Audit entries of sign-ins and sessions."""

from enum import StrEnum

from jubilee.domain.audit.entry import AuditDetails, AuditEvent, AuditLog
from jubilee.domain.auth.sessions import Session, TokenReuse
from jubilee.domain.users.user import User


class SignInFailure(StrEnum):
    """Why a sign-in was refused; clients learn none of it."""

    WRONG_PASSWORD = "wrong_password"  # noqa: S105  # a reason, not a password
    WRONG_CODE = "wrong_code"
    """Of the second factor, after the right password."""
    WRONG_PASSKEY = "wrong_passkey"
    COPIED_PASSKEY = "copied_passkey"
    """Its counter went back: another authenticator has the same key."""
    UNKNOWN_LOGIN = "unknown_login"
    ACCOUNT_DISABLED = "account_disabled"
    EMAIL_NOT_VERIFIED = "email_not_verified"
    ACCOUNT_LOCKED = "account_locked"
    ACCOUNT_CHANGED = "account_changed"
    """Its password changed, or it was disabled, while the password was checked."""


async def record_failure(
    log: AuditLog, user: User | None, reason: SignInFailure, pseudonym: str
) -> None:
    """Record a refused sign-in; only a login that names no account is kept, as its `pseudonym`."""
    event, subject = AuditEvent.SIGN_IN_FAILED, None if user is None else user.id
    details = AuditDetails(reason=reason.value)
    if user is None:
        details["login_hash"] = pseudonym
    await log.record(event, actor=None, subject=subject, **details)


async def record_refusal(log: AuditLog, session: Session, reuse: TokenReuse) -> None:
    """Record that a refused refresh token ended its session; who sent it is not known."""
    event, details = AuditEvent.REFRESH_REUSED, AuditDetails(session_id=str(session.id))
    if reuse is not TokenReuse.REUSED:
        event, details["reason"] = AuditEvent.SESSION_ENDED, SignInFailure.ACCOUNT_DISABLED.value
    await log.record(event, actor=None, subject=session.user_id, **details)
