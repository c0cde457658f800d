"""Use cases of roles."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from jubilee.domain.audit.entry import AuditEvent, record_read
from jubilee.domain.clock import Clock
from jubilee.domain.concurrency import VersionCheck, require
from jubilee.domain.identity import Principal, UserId
from jubilee.domain.roles.role import (
    ADMIN,
    USER,
    AccountRoles,
    Role,
    RoleBeyondOwn,
    RoleReader,
    RoleRepository,
    checked_roles,
)
from jubilee.domain.transaction import Begin
from jubilee.domain.users.locking import lock_weakened
from jubilee.domain.users.ports import UserTransaction, UserView
from jubilee.domain.users.user import ServiceAccountRefused, User


class RoleView(UserView, Protocol):
    """The repositories that role use cases read from."""

    @property
    def roles(self) -> RoleReader:
        """The roles and their grants."""


class RoleTransaction(UserTransaction, Protocol):
    """The repositories that role use cases need in one transaction."""

    @property
    def roles(self) -> RoleRepository:
        """The roles and their grants."""


@dataclass(frozen=True, slots=True)
class RoleService:
    """Use cases of roles."""

    write: Begin[RoleTransaction]
    read: Begin[RoleView]
    clock: Clock

    async def list(self) -> Sequence[Role]:
        """List all roles by name."""
        async with self.read() as view:
            return await view.roles.all()

    async def get(self, user_id: UserId, *, by: Principal) -> AccountRoles:
        """Return the roles of an account; raise UserNotFound."""
        async with self.read() as view:
            user = await view.users.get(user_id)
            granted, known = await view.roles.granted(user_id), await view.roles.all()
        await record_read(self.write, by=by, owner=user_id, resource="roles")
        return AccountRoles.of(user, granted, {role.name: role for role in known})

    async def put(
        self,
        user_id: UserId,
        names: Sequence[str],
        *,
        by: Principal,
        expects: VersionCheck[AccountRoles] | None = None,
    ) -> AccountRoles:
        """Give an account exactly these roles, and `user`.

        Raises UserNotFound, UnknownRole, Stale, LastAdmin, ServiceAccountRefused, or RoleBeyondOwn
        where a role that is granted or taken away has a scope that the caller lacks.
        """
        async with self.write() as tx:
            known = {role.name: role for role in await tx.roles.all()}
            wanted = {role.name for role in checked_roles(names, known)}
            user = await _locked(tx, user_id, stays_admin=ADMIN in wanted)
            if user.is_service and ADMIN in wanted:
                raise ServiceAccountRefused  # it would count as an admin who could sign in
            before = AccountRoles.of(user, await tx.roles.granted(user_id), known)
            require(expects, before)
            if changed := before.names ^ wanted:
                if not all(known[name].scopes <= by.allowed for name in changed):
                    raise RoleBeyondOwn
                await self._save(tx, user, wanted, by)
        roles = tuple(known[name] for name in sorted(wanted))
        return AccountRoles(user_id=user_id, roles=roles)

    async def _save(self, tx: RoleTransaction, user: User, wanted: set[str], by: Principal) -> None:
        now = self.clock()
        if user.is_superuser != (ADMIN in wanted):
            await tx.users.save(replace(user, is_superuser=ADMIN in wanted, updated_at=now))
        await tx.roles.replace_grants(user.id, wanted - {ADMIN, USER}, by=by.user_id, at=now)
        event, named = AuditEvent.ROLE_CHANGED, " ".join(sorted(wanted))
        await tx.audit.record(event, actor=by.user_id, subject=user.id, role=named)


async def _locked(tx: RoleTransaction, user_id: UserId, *, stays_admin: bool) -> User:
    if stays_admin:
        return await tx.users.get(user_id, lock=True)
    return await lock_weakened(tx, user_id)
