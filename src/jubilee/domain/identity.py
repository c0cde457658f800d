"""Ids, principals and the comparison of names."""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import NewType, TypeAlias
from uuid import UUID

UserId = NewType("UserId", UUID)
SessionId = NewType("SessionId", UUID)

MAX_PERSON_NAME_CHARS = 64  # code points

NewId: TypeAlias = Callable[[], UUID]
"""Returns a new id that sorts by time of creation (UUID version 7)."""


@dataclass(frozen=True, slots=True)
class Principal:
    """The authenticated caller and the session of the request."""

    user_id: UserId
    session_id: SessionId
    is_admin: bool = False
    proved_at: datetime | None = None
    """When the caller last proved who they are in this session; None: never."""

    def may_access(self, owner: UserId | None) -> bool:
        """Return whether the caller may access resources of `owner`."""
        return self.is_admin or self.user_id == owner


OPERATOR = Principal(UserId(UUID(int=0)), SessionId(UUID(int=0)), is_admin=True)
"""An admin without an account: operators are authorized by their access to the database."""


def name_key(name: str) -> str:
    """Return the form in which names are compared: 'ZOË', 'zoë' and decomposed forms are equal."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return unicodedata.normalize("NFKC", folded)


def is_person_name(name: str) -> bool:
    """Return whether the name can be greeted: a letter followed by letters and marks."""
    composed = unicodedata.normalize("NFC", name)
    categories = [unicodedata.category(character)[0] for character in composed]
    return (
        1 <= len(categories) <= MAX_PERSON_NAME_CHARS
        and categories[0] == "L"
        and set(categories) <= {"L", "M"}
    )
