"""Deletions of accounts that wait for the end of their grace, and their undoing."""

from dataclasses import replace
from datetime import datetime
from typing import Protocol

from jubilee.domain.audit.entry import AuditEvent
from jubilee.domain.identity import UserId
from jubilee.domain.one_time.link import LinkPurpose
from jubilee.domain.users.ports import UserTransaction
from jubilee.domain.users.user import User

# Ports


class DeletionRepository(Protocol):
    """The deletions that wait for the end of their grace."""

    async def add(self, user_id: UserId, due_at: datetime) -> None:
        """Insert the deletion of an account that has none."""

    async def find(self, user_id: UserId) -> datetime | None:
        """Return when the account is to be deleted, the row locked; None if it is not."""

    async def remove(self, user_id: UserId) -> None:
        """Delete the deletion, if there is one."""


class DeletionTransaction(UserTransaction, Protocol):
    """The repositories that deletions need in one transaction."""

    @property
    def deletions(self) -> DeletionRepository:
        """The deletions that wait."""


async def cancel_deletion(tx: DeletionTransaction, user: User, *, now: datetime) -> User | None:
    """Undo the deletion of an account, which is locked, and return it as it can be used again.

    Returns None if it is not to be deleted. Its links end, but those that restore a former address:
    the account may have been deleted by an attacker who had replaced it.
    """
    if await tx.deletions.find(user.id) is None:
        return None
    await tx.deletions.remove(user.id)
    restored = replace(user, is_active=True, updated_at=now)
    await tx.users.save(restored)
    await tx.one_time.end_all(user.id, now=now, but=LinkPurpose.UNDO_EMAIL)
    await tx.audit.record(AuditEvent.DELETION_UNDONE, actor=user.id, subject=user.id)
    return restored
