"""Use cases of locks that an admin, support or an operator puts on an account.

Such a lock refuses every sign-in and ends all sessions, until a time or until it is lifted. It is
neither the lock after wrong passwords, which spares known addresses and sessions, nor `is_active`,
which only admins change.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from jubilee.domain.attempts.guard import AttemptGuard
from jubilee.domain.audit.entry import AuditDetails, AuditEvent
from jubilee.domain.clock import Clock
from jubilee.domain.errors import Invalid
from jubilee.domain.identity import Principal, UserId
from jubilee.domain.roles.ranks import require_other, require_rank
from jubilee.domain.roles.role import RoleReader
from jubilee.domain.text import composed, line_fault
from jubilee.domain.transaction import Begin
from jubilee.domain.users.locking import lock_weakened
from jubilee.domain.users.ports import UserTransaction

BY_OPERATOR = "operator"
"""Reason in the audit log of a lock that was put on an account, and of its end."""
MAX_REASON_CHARS = 200


class InvalidReason(Invalid):
    """The reason is not valid: it must be one line of at most 200 visible characters."""

    code = "invalid_reason"


class LockEndsInPast(Invalid):
    """The lock would end in the past."""

    code = "lock_ends_in_past"


class LockTransaction(UserTransaction, Protocol):
    """The repositories that locking needs in one transaction."""

    @property
    def roles(self) -> RoleReader:
        """The roles and their grants."""


@dataclass(frozen=True, slots=True)
class AccountLockService:
    """Use cases of account locks."""

    write: Begin[LockTransaction]
    guard: AttemptGuard
    clock: Clock

    async def lock(
        self,
        user_id: UserId,
        *,
        by: Principal,
        reason: str | None = None,
        until: datetime | None = None,
    ) -> None:
        """Lock an account and end its sessions; a second lock replaces the first.

        Raises UserNotFound, LastAdmin, RankTooHigh, OwnAccountRefused, InvalidReason or
        LockEndsInPast.
        """
        require_other(user_id, by=by)
        now, note = self.clock(), None if reason is None else checked_reason(reason)
        if until is not None and until <= now:
            raise LockEndsInPast(pointer="/until")
        async with self.write() as tx:
            user = await lock_weakened(tx, user_id)
            await require_rank(tx, user_id, by=by)
            locked = replace(user, locked_at=now, locked_until=until, lock_reason=note)
            await tx.users.save(replace(locked, updated_at=now))
            await tx.sessions.end_all(user_id)
            details = _details(note, until)
            actor, event = by.user_id, AuditEvent.ACCOUNT_LOCKED
            await tx.audit.record(event, actor=actor, subject=user_id, **details)
            await tx.audit.record(AuditEvent.SESSIONS_ENDED, actor=actor, subject=user_id)

    async def unlock(self, user_id: UserId, *, by: Principal) -> bool:
        """End every lock of an account, that after wrong passwords too; return if there was one.

        Raises UserNotFound or RankTooHigh.
        """
        lifted = await self._lift(user_id, by)
        return await self.guard.lift(user_id, by=by) or lifted

    async def _lift(self, user_id: UserId, by: Principal) -> bool:
        async with self.write() as tx:
            user = await tx.users.get(user_id, lock=True)
            await require_rank(tx, user_id, by=by)
            if user.locked_at is None:
                return False
            await tx.users.save(replace(user.unlocked(), updated_at=self.clock()))
            event, subject = AuditEvent.ACCOUNT_UNLOCKED, user_id
            await tx.audit.record(event, actor=by.user_id, subject=subject, reason=BY_OPERATOR)
            return True


def checked_reason(reason: str) -> str:
    """Return the reason in NFC; raise InvalidReason."""
    text = composed(reason)
    if len(text) > MAX_REASON_CHARS or line_fault(text) is not None:
        raise InvalidReason(pointer="/reason")
    return text


def _details(note: str | None, until: datetime | None) -> AuditDetails:
    details = AuditDetails(reason=BY_OPERATOR)
    if note is not None:
        details["note"] = note
    if until is not None:
        details["until"] = until.isoformat()
    return details
