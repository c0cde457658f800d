"""Ids, principals and the comparison of names."""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType, TypeAlias
from uuid import UUID

from jubilee.domain.errors import NotAllowed
from jubilee.domain.scopes import (
    TOKEN_SCOPES,
    USER_RIGHTS,
    ImpersonationRefused,
    InsufficientScope,
    Scope,
    SessionRequired,
)

UserId = NewType("UserId", UUID)
SessionId = NewType("SessionId", UUID)

MAX_PERSON_NAME_CHARS = 64  # code points

NewId: TypeAlias = Callable[[], UUID]
"""Returns a new id that sorts by time of creation (UUID version 7)."""


class Credential(StrEnum):
    """What a caller is authenticated by."""

    SESSION = "session"
    """The access token of a sign-in."""
    API_TOKEN = "api_token"  # noqa: S105  # a kind of credential, not a token
    """A personal access token, or a token of a service account."""
    IMPERSONATION = "impersonation"
    """A token by which another account acts as this one."""
    OPERATOR = "operator"
    """The access to the database, of commands."""


@dataclass(frozen=True, slots=True)
class Principal:
    """The authenticated caller, the credential of the request, and what it allows.

    `session_id` is None for a caller without a session, who must not touch credentials: use cases
    that do so take `session`, which refuses such a caller.
    """

    user_id: UserId
    session_id: SessionId | None
    is_admin: bool = False
    """Whether the account is an admin's, and the credential has its rights."""
    proved_at: datetime | None = None
    """When the caller last proved who they are in this session; None: never."""
    second_factor: bool = False
    """Whether they gave a second factor in this session."""
    credential: Credential = Credential.SESSION
    scopes: frozenset[Scope] = frozenset(Scope)
    """What the credential allows."""
    rights: frozenset[Scope] = USER_RIGHTS
    """What the roles of the account allow."""
    impersonator_id: UserId | None = None
    """The account that acts as this one."""

    @property
    def session(self) -> SessionId:
        """The session of the request; raises SessionRequired or ImpersonationRefused."""
        if self.session_id is None:
            raise SessionRequired if self.impersonator_id is None else ImpersonationRefused
        return self.session_id

    @property
    def allowed(self) -> frozenset[Scope]:
        """What both the roles and the credential allow."""
        return self.scopes if self.is_admin else self.scopes & self.rights

    def may_access(self, owner: UserId | None) -> bool:
        """Return whether the caller may access resources of `owner`."""
        return self.is_admin or self.user_id == owner

    def require(self, needed: frozenset[Scope]) -> None:
        """Raise NotAllowed unless the roles and the credential have these scopes.

        The credential lacks them: InsufficientScope, SessionRequired or ImpersonationRefused.
        """
        if self.allowed >= needed:
            return
        if not (self.is_admin or needed <= self.rights):
            raise NotAllowed
        if self.impersonator_id is not None:
            raise ImpersonationRefused
        raise InsufficientScope(needed) if needed <= TOKEN_SCOPES else SessionRequired


OPERATOR = Principal(
    UserId(UUID(int=0)),
    None,
    is_admin=True,
    credential=Credential.OPERATOR,
    rights=frozenset(Scope),
)
"""An admin without an account: operators are authorized by their access to the database."""


def name_key(name: str) -> str:
    """Return the form in which names are compared: 'ZOË', 'zoë' and decomposed forms are equal."""
    if name.isascii():
        return name.lower()
    folded = unicodedata.normalize("NFKC", name).casefold()
    return unicodedata.normalize("NFKC", folded)


def is_person_name(name: str) -> bool:
    """Return whether the name can be greeted: a letter followed by letters and marks."""
    if name.isascii():
        return name.isalpha() and len(name) <= MAX_PERSON_NAME_CHARS
    composed = unicodedata.normalize("NFC", name)
    categories = [unicodedata.category(character)[0] for character in composed]
    return (
        1 <= len(categories) <= MAX_PERSON_NAME_CHARS
        and categories[0] == "L"
        and set(categories) <= {"L", "M"}
    )
