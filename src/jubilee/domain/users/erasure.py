"""The erasure of an account with all its rows."""

from jubilee.domain.audit.entry import AuditEvent
from jubilee.domain.events import ItemDeleted
from jubilee.domain.identity import UserId
from jubilee.domain.users.ports import UserTransaction


async def erase(tx: UserTransaction, user_id: UserId, *, actor: UserId | None) -> None:
    """Delete the account, which is locked, and record it; the audit log keeps its id."""
    # An item inserted after `delete_of` would be deleted without its event.
    await tx.users.block_new_rows(user_id)
    items = await tx.items.delete_of(user_id)
    await tx.events.add(*(ItemDeleted(item_id=i, owner_id=user_id) for i in items))
    await tx.users.delete(user_id)
    await tx.audit.record(AuditEvent.ACCOUNT_DELETED, actor=actor, subject=user_id)
