"""What everyone may know of a person: an id, a principal, a name."""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import NewType, TypeAlias
from uuid import UUID

UserId = NewType("UserId", UUID)
SessionId = NewType("SessionId", UUID)

NewId: TypeAlias = Callable[[], UUID]
"""Makes an id that sorts by the time it was made (UUID version 7)."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking, and by which session."""

    user_id: UserId
    session_id: SessionId
    is_admin: bool = False

    def may_touch(self, owner: UserId | None) -> bool:
        """Whether what belongs to `owner` is this person's to change."""
        return self.is_admin or self.user_id == owner


def name_key(name: str) -> str:
    """The form in which names are compared: 'ZOË', 'zoë' and its decomposed spelling are one."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return unicodedata.normalize("NFKC", folded)


def is_person_name(name: str) -> bool:
    """Whether it is a letter, then letters and marks: the names that can be greeted."""
    composed = unicodedata.normalize("NFC", name)
    kinds = [unicodedata.category(character)[0] for character in composed]
    return 1 <= len(kinds) <= PERSON_NAME_LENGTH and kinds[0] == "L" and set(kinds) <= {"L", "M"}


PERSON_NAME_LENGTH = 64  # code points
