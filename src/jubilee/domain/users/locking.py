"""The order in which rows of accounts are locked."""

from jubilee.domain.identity import UserId
from jubilee.domain.users.ports import UserTransaction
from jubilee.domain.users.user import LastAdmin, User


async def lock_account(tx: UserTransaction, before: User, after: User | None) -> User:
    """Lock the admins, if `after` has fewer rights, then the account: one order, no deadlock.

    Raises LastAdmin if no active admin would remain.
    """
    weakened = (
        after is None
        or (before.is_superuser and not after.is_superuser)
        or (before.is_active and not after.is_active)
    )
    if weakened:
        return await lock_weakened(tx, before.id)
    return await tx.users.get(before.id, lock=True)


async def lock_weakened(tx: UserTransaction, user_id: UserId) -> User:
    """Lock the admins, then an account that may lose rights; raise LastAdmin or UserNotFound."""
    if set(await tx.users.lock_admins()) == {user_id}:
        raise LastAdmin
    return await tx.users.get(user_id, lock=True)
