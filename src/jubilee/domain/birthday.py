"""A birthday, its errors and the repository that stores it."""

from dataclasses import dataclass
from datetime import date
from typing import Protocol
from uuid import UUID

from jubilee.domain.audit.entry import AuditTransaction
from jubilee.domain.calendar import Window
from jubilee.domain.celebrations import Celebration
from jubilee.domain.errors import Invalid, LimitReached, NotFound
from jubilee.domain.identity import UserId, name_key
from jubilee.domain.paging import Page, Position


class InvalidName(Invalid):
    """A name is a letter followed by letters and marks: 64 characters at most."""

    code = "invalid_name"


class BirthdayNotFound(NotFound):
    """No birthday is saved under this name."""

    code = "birthday_not_found"


class TooManyNames(LimitReached):
    """No more names can be saved without an account."""

    code = "too_many_names"


@dataclass(frozen=True, slots=True)
class Birth:
    """A date of birth, and the time zone of the person, or None for the service's zone."""

    date: date
    time_zone: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Birthday:
    """The birthday saved under a name, of an account or (without `user_id`) anonymous.

    `birth` is None only for accounts.
    """

    id: UUID
    name: str
    user_id: UserId | None = None
    birth: Birth | None = None

    @property
    def key(self) -> str:
        """The normalised name by which it is found."""
        return name_key(self.name)


@dataclass(frozen=True, slots=True)
class Saved:
    """A birthday was saved over the date of birth `replaced`, which is None for a new name.

    `is_certain` is false if another transaction created the name at the same moment: the date
    that was replaced is unknown then.
    """

    replaced: date | None = None
    is_certain: bool = True


# Ports


class BirthdayRepository(Protocol):
    """The birthdays: one per name, of an account or anonymous."""

    async def find(self, key: str) -> Birth | None:
        """Return the date of birth saved under the name, or None."""

    async def lock(self, key: str) -> Birthday | None:
        """Return the birthday of the name, its row locked until the transaction ends."""

    async def put(self, birthday: Birthday, *, overwrite: bool, max_anonymous: int) -> Saved | None:
        """Save an anonymous birthday; return what it replaced, or None if it was not saved.

        It is not saved if an account has the name, or if the name exists and `overwrite` is
        false: then the row is locked. Raises TooManyNames beyond `max_anonymous`.
        """

    async def change(self, birthday_id: UUID, birth: Birth | None) -> None:
        """Update a locked birthday; None clears it."""

    async def remove(self, birthday_id: UUID) -> None:
        """Delete an anonymous birthday."""

    async def list_window(
        self, window: Window, *, after: Position | None, limit: int
    ) -> Page[Celebration]:
        """List celebrations by day, month and day of birth, and id; without inactive accounts."""


class KnownBirthdayStore(Protocol):
    """The anonymous birthdays of known names."""

    async def replace(self, name: str, birth: Birth) -> Saved | None:
        """Save a birthday over the one of the name, as the only statement of its unit of work.

        Concurrent calls may be committed together. None if the name is new or an account has it,
        and wherever it would take a wait or a check to save it: then nothing is saved, and
        `BirthdayRepository.put` decides.
        """


class KnownBirthdayTransaction(Protocol):
    """What saving over a known name needs."""

    @property
    def birthdays(self) -> KnownBirthdayStore:
        """The anonymous birthdays of known names."""


class BirthdayTransaction(AuditTransaction, Protocol):
    """The repositories that birthday use cases need in one transaction."""

    @property
    def birthdays(self) -> BirthdayRepository:
        """The birthdays."""
