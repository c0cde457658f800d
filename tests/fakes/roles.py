"""Roles and grants in memory."""

from collections.abc import Collection, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias

from jubilee.domain.identity import UserId
from jubilee.domain.roles.role import ADMIN, USER, AccountRoles, Role, RoleRepository
from jubilee.domain.scopes import USER_RIGHTS, Scope
from jubilee.domain.users.user import User
from tests.fakes.rows import FakeUnitOfWork

SUPPORT_RIGHTS = {Scope.USERS_READ, Scope.USERS_LOCK, Scope.USERS_IMPERSONATE, Scope.ROLES_READ}
ROLES = (
    Role(name=ADMIN, description="May do everything.", scopes=frozenset(Scope)),
    Role(
        name="auditor",
        description="Reads the audit log.",
        scopes=frozenset({Scope.AUDIT_READ, Scope.ROLES_READ}),
    ),
    Role(
        name="support",
        description="Sees accounts, locks and unlocks them, and acts as accounts of lower rank.",
        scopes=frozenset(SUPPORT_RIGHTS),
    ),
    Role(name=USER, description="What every account may do.", scopes=USER_RIGHTS),
)
KNOWN = {role.name: role for role in ROLES}

Grants: TypeAlias = MutableMapping[tuple[UserId, str], datetime]


class RoleTables(Protocol):
    """The tables that say what accounts may do."""

    @property
    def unit(self) -> FakeUnitOfWork: ...
    @property
    def users(self) -> MutableMapping[UserId, User]: ...
    @property
    def grants(self) -> Grants: ...


@dataclass(frozen=True, slots=True)
class FakeRoles(RoleRepository):
    """The shipped roles, and grants in a dict."""

    store: RoleTables

    async def all(self) -> Sequence[Role]:
        return ROLES

    async def granted(self, user_id: UserId) -> Collection[str]:
        return {name for owner, name in self.store.grants if owner == user_id}

    async def rights(self, user_id: UserId) -> frozenset[Scope]:
        user = self.store.users.get(user_id)
        if user is None:
            return frozenset()
        return AccountRoles.of(user, await self.granted(user_id), KNOWN).rights

    async def replace_grants(
        self, user_id: UserId, names: Collection[str], *, by: UserId, at: datetime
    ) -> None:
        self.store.unit.require_lock("user", user_id)
        for name in names:
            self.store.unit.require_row(self.store.users, user_id, "fk_role_grants_user_id")
            self.store.unit.require_row(KNOWN, name, "fk_role_grants_role")
        for name in set(await self.granted(user_id)) - set(names):
            del self.store.grants[user_id, name]
        for name in names:
            self.store.grants.setdefault((user_id, name), at)
