"""Scopes: what a token may do, declared by each endpoint of the registry."""

from collections.abc import Collection
from enum import StrEnum

from jubilee.domain.errors import NotAllowed


class Scope(StrEnum):
    """A right that a token has or lacks; a session has all that its account has."""

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
    AUDIT_READ = "audit:read"
    ADMIN = "admin"
    """Makes the token of an admin one of an admin; without it, it is one of a plain account."""
    ACCOUNT = "account"
    """Sessions, factors, tokens, e-mail address, password and deletion: no token can have it."""


CREDENTIALS = frozenset({Scope.ACCOUNT})
"""Needed to touch what signs in or what an account may do."""

TOKEN_SCOPES = frozenset(Scope) - CREDENTIALS
"""The scopes that a token can have."""


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
