"""The use case that merges two accounts of one person."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Protocol

from jubilee.domain.audit.entry import AuditEvent
from jubilee.domain.clock import Clock
from jubilee.domain.errors import Invalid
from jubilee.domain.events import ItemUpdated
from jubilee.domain.identity import Principal, UserId
from jubilee.domain.owned_rows import OwnedTaskStore
from jubilee.domain.transaction import Begin
from jubilee.domain.users.ports import UserTransaction
from jubilee.domain.users.user import LastAdmin, User


class SameAccount(Invalid):
    """An account cannot be merged into itself."""

    code = "same_account"


class MergeTransaction(UserTransaction, Protocol):
    """The repositories that a merge needs in one transaction."""

    @property
    def tasks(self) -> OwnedTaskStore:
        """The tasks of accounts."""


@dataclass(frozen=True, slots=True)
class AccountMergeService:
    """Merges accounts."""

    write: Begin[MergeTransaction]
    clock: Clock
    birthdays_changed: Callable[[], Awaitable[None]]
    """Called after the commit; bounded in time, never raises."""

    async def merge(self, source_id: UserId, *, into: UserId, by: Principal) -> User:
        """Move items and tasks of the source to the other account, and delete the source.

        What both have stays as it is in the account that remains: names, password, sessions,
        roles, birthday. A birthday that it lacks is taken over; of two tasks with one `task_id`,
        the moved one gets its own id instead. Everything else of the source is deleted with it.
        Once merged, the source is not found. Raises UserNotFound, SameAccount or LastAdmin.
        """
        if source_id == into:
            raise SameAccount(pointer="/source_id")
        async with self.write() as tx:
            source, target = await _locked(tx, source_id, into)
            now = self.clock()
            moved = await tx.items.move(source_id, to=into, at=now)
            await tx.events.add(*(ItemUpdated(item_id=item, owner_id=into) for item in moved))
            await tx.tasks.move(source_id, to=into)
            await tx.users.delete(source_id)
            merged = replace(_with_birthday(target, source), updated_at=now)
            await tx.users.save(merged)
            await _record(tx, source_id, into, by)
        await self.birthdays_changed()
        return merged


async def _locked(tx: MergeTransaction, source_id: UserId, into: UserId) -> tuple[User, User]:
    """Lock the admins, then both accounts by id: one order, no deadlock."""
    if set(await tx.users.lock_admins()) == {source_id}:
        raise LastAdmin
    found = {key: await tx.users.get(key, lock=True) for key in sorted((source_id, into))}
    # An item or task inserted after the move would be deleted with the source.
    await tx.users.block_new_rows(source_id)
    return found[source_id], found[into]


def _with_birthday(target: User, source: User) -> User:
    if target.date_of_birth is not None:
        return target
    zone = target.time_zone or source.time_zone
    return replace(target, date_of_birth=source.date_of_birth, time_zone=zone)


async def _record(tx: MergeTransaction, source_id: UserId, into: UserId, by: Principal) -> None:
    """Record it for both accounts; each entry names the other account."""
    for subject, other in ((into, source_id), (source_id, into)):
        await tx.audit.record(
            AuditEvent.ACCOUNTS_MERGED,
            actor=by.user_id,
            subject=subject,
            resource="account",
            resource_id=str(other),
        )
