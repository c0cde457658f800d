"""Bodies of roles."""

from typing import Annotated, Self
from uuid import UUID

from pydantic import Field

from jubilee.domain.roles.role import MAX_ROLES, AccountRoles, Role
from jubilee.entrypoints.http.framework.endpoint import Model, ReplyModel
from jubilee.entrypoints.http.framework.paging import PageReply

ROLE_EXAMPLE = {
    "name": "auditor",
    "description": "Reads the audit log.",
    "scopes": ["audit:read", "roles:read"],
}
ACCOUNT_ROLES_EXAMPLE = {
    "id": "019aa0c1-7d4e-7c35-9d0f-3a4b5c6d7e8f",
    "roles": ["auditor", "user"],
    "scopes": ["account", "audit:read", "items:read", "items:write"],
}
RoleName = Annotated[str, Field(min_length=1, max_length=64, examples=["support"])]


class RoleReply(ReplyModel):
    """A named set of scopes."""

    name: str
    description: str
    scopes: list[str]

    @classmethod
    def of(cls, role: Role) -> Self:
        """Make the reply for a role."""
        return cls(name=role.name, description=role.description, scopes=sorted(role.scopes))


class RolePage(PageReply):
    """All roles: a few, so always a single page."""

    items: list[RoleReply]


class AccountRolesBody(Model):
    """The roles that an account is to have."""

    roles: list[RoleName] = Field(
        max_length=MAX_ROLES, description="names of roles; `user` may be left out"
    )


class AccountRolesReply(ReplyModel):
    """The roles of an account, and the scopes that they give it together."""

    id: UUID
    roles: list[str]
    scopes: list[str]

    @classmethod
    def of(cls, found: AccountRoles) -> Self:
        """Make the reply for the roles of an account."""
        return cls(id=found.user_id, roles=sorted(found.names), scopes=sorted(found.rights))
