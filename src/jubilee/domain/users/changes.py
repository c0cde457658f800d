"""Audit entries of changes of an account."""

from dataclasses import fields

from jubilee.domain.audit.entry import AuditDetails, AuditEvent, AuditLog, record_access
from jubilee.domain.identity import Principal, UserId
from jubilee.domain.users.ports import UserTransaction
from jubilee.domain.users.user import User

UNRECORDED = {"updated_at", "email_verified_at"}
WRITTEN = {"password_hash": "password"}


async def record_registration(log: AuditLog, user: User, by: Principal | None) -> None:
    """Record a new account, registered by its user or an operator."""
    actor = user.id if by is None else by.user_id
    await log.record(AuditEvent.ACCOUNT_REGISTERED, actor=actor, subject=user.id)
    if user.is_superuser:
        await log.record(AuditEvent.ROLE_CHANGED, actor=actor, subject=user.id, role="admin")


async def record_change(log: AuditLog, before: User, after: User, by: Principal) -> None:
    """Record each change that concerns the account's security, and all members an admin changed."""
    for event, details in _events(before, after):
        await log.record(event, actor=by.user_id, subject=before.id, **details)
    await record_access(
        log,
        AuditEvent.ADMIN_WRITE,
        by=by,
        owner=before.id,
        resource="account",
        members=" ".join(_changed(before, after)),
    )


async def end_tokens(tx: UserTransaction, user_id: UserId, *, by: UserId) -> None:
    """End all tokens of an account: one who knew its password may have created some of them."""
    if await tx.api_tokens.delete_of(user_id):
        await tx.audit.record(AuditEvent.API_TOKENS_DELETED, actor=by, subject=user_id)


def _events(before: User, after: User) -> list[tuple[AuditEvent, AuditDetails]]:
    found: list[tuple[AuditEvent, AuditDetails]] = []
    if after.password_hash != before.password_hash:
        found.append((AuditEvent.PASSWORD_CHANGED, {}))
    if after.email != before.email:
        found.append((AuditEvent.EMAIL_CHANGED, {}))
    if after.is_superuser != before.is_superuser:
        role = "admin" if after.is_superuser else "user"
        found.append((AuditEvent.ROLE_CHANGED, {"role": role}))
    if after.is_active != before.is_active:
        enabled = AuditEvent.ACCOUNT_ENABLED if after.is_active else AuditEvent.ACCOUNT_DISABLED
        found.append((enabled, {}))
    return found


def _changed(before: User, after: User) -> list[str]:
    names = [field.name for field in fields(User) if field.name not in UNRECORDED]
    changed = [name for name in names if getattr(before, name) != getattr(after, name)]
    return [WRITTEN.get(name, name) for name in changed]
