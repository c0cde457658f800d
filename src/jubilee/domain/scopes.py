"""Scopes: what a role or a token allows, declared by each endpoint of the registry."""

from collections.abc import Collection
from enum import StrEnum

from jubilee.domain.errors import NotAllowed


class Scope(StrEnum):
    """A right. Roles give them to an account; a token has some of those, a session all."""

    PROFILE_READ = "profile:read"
    PROFILE_WRITE = "profile:write"
    """Without e-mail address and password, which are of ACCOUNT."""
    ITEMS_READ = "items:read"
    ITEMS_WRITE = "items:write"
    TASKS_READ = "tasks:read"
    TASKS_WRITE = "tasks:write"
    BIRTHDAYS_READ = "birthdays:read"
    BIRTHDAYS_WRITE = "birthdays:write"
    USERS_READ = "users:read"
    USERS_WRITE = "users:write"
    USERS_LOCK = "users:lock"
    USERS_IMPERSONATE = "users:impersonate"
    AUDIT_READ = "audit:read"
    ROLES_READ = "roles:read"
    ROLES_WRITE = "roles:write"
    INVITES_READ = "invites:read"
    INVITES_WRITE = "invites:write"
    ADMIN = "admin"
    """Allows an admin what no other scope does, such as to change what others own."""
    ACCOUNT = "account"
    """Sessions, factors, tokens, e-mail address, password and deletion: no token can have it."""


CREDENTIALS = frozenset({Scope.ACCOUNT})
"""Needed to touch what signs in or what an account may do."""

TOKEN_SCOPES = frozenset(Scope) - {
    Scope.ACCOUNT,
    Scope.ROLES_WRITE,
    Scope.INVITES_WRITE,
    Scope.USERS_IMPERSONATE,
}
"""The scopes that a token can have; the others change credentials or who may do what."""

USER_RIGHTS = frozenset(
    {
        Scope.PROFILE_READ,
        Scope.PROFILE_WRITE,
        Scope.ITEMS_READ,
        Scope.ITEMS_WRITE,
        Scope.TASKS_READ,
        Scope.TASKS_WRITE,
        Scope.BIRTHDAYS_READ,
        Scope.BIRTHDAYS_WRITE,
        Scope.ACCOUNT,
    }
)
"""What the role `user` allows as it is shipped."""


class InsufficientScope(NotAllowed):
    """The token lacks a scope."""

    code = "insufficient_scope"

    def __init__(self, needed: Collection[Scope] = ()) -> None:
        """`needed` are all scopes that the request needs."""
        self.needed = " ".join(sorted(needed))
        super().__init__(f"The token lacks a scope; needed: {self.needed}." if needed else "")


class SessionRequired(NotAllowed):
    """No token may do this; sign in, and use the access token of the session."""

    code = "session_required"


class ImpersonationRefused(NotAllowed):
    """This is not possible while acting as another account."""

    code = "impersonation_refused"
