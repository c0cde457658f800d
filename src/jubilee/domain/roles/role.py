"""Roles, the grants of an account, and what they allow together."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from jubilee.domain.errors import Invalid, NotAllowed
from jubilee.domain.identity import UserId
from jubilee.domain.scopes import Scope
from jubilee.domain.users.user import User

ADMIN = "admin"
"""The role of accounts whose `is_superuser` is set; it has every scope."""
USER = "user"
"""The role that every account has."""
MAX_ROLES = 20


class UnknownRole(Invalid):
    """There is no role of this name."""

    code = "unknown_role"


class RoleBeyondOwn(NotAllowed):
    """A role may be granted or taken away only by an account that has all of its scopes."""

    code = "role_beyond_own"


class RankTooHigh(NotAllowed):
    """The account has scopes that yours does not have."""

    code = "rank_too_high"


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A named set of scopes."""

    name: str
    description: str
    scopes: frozenset[Scope]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRoles:
    """The roles of an account, sorted by name: `user`, `admin` of a superuser, and the grants."""

    user_id: UserId
    roles: tuple[Role, ...]

    @classmethod
    def of(cls, user: User, granted: Collection[str], known: Mapping[str, Role]) -> "AccountRoles":
        """Combine what an account has; the name of a role that does not exist is left out."""
        names = {USER, *granted, *([ADMIN] if user.is_superuser else [])}
        return cls(user_id=user.id, roles=tuple(known[name] for name in sorted(names & {*known})))

    @property
    def names(self) -> frozenset[str]:
        """The names of all roles."""
        return frozenset(role.name for role in self.roles)

    @property
    def rights(self) -> frozenset[Scope]:
        """What all roles together allow."""
        return frozenset[Scope]().union(*(role.scopes for role in self.roles))


def checked_roles(names: Iterable[str], known: Mapping[str, Role]) -> tuple[Role, ...]:
    """Return the named roles and `user`, sorted by name; raise UnknownRole with its pointer."""
    wanted = {USER}
    for position, name in enumerate(names):
        if name not in known:
            raise UnknownRole(pointer=f"/roles/{position}")
        wanted.add(name)
    return tuple(known[name] for name in sorted(wanted))


# Ports


class RoleReader(Protocol):
    """Reads roles and grants."""

    async def all(self) -> Sequence[Role]:
        """List all roles by name."""

    async def granted(self, user_id: UserId) -> Collection[str]:
        """Return the names of the roles granted to an account, without `admin` and `user`."""

    async def rights(self, user_id: UserId) -> frozenset[Scope]:
        """Return what the roles of an account allow; nothing if it does not exist."""


class RoleRepository(RoleReader, Protocol):
    """Roles and grants."""

    async def replace_grants(
        self, user_id: UserId, names: Collection[str], *, by: UserId, at: datetime
    ) -> None:
        """Grant exactly these roles to the account; kept grants keep their time."""
