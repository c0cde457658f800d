"""Birthdays: saved under a name, greeted by name, listed for admins."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime
from math import ceil
from typing import Protocol
from unicodedata import normalize
from uuid import UUID

from jubilee.domain.birthday_rules import BirthdayRules
from jubilee.domain.calendar import (
    Calendar,
    Window,
    days_until,
    local_dates,
)
from jubilee.domain.clock import Clock
from jubilee.domain.concurrency import VersionCheck, require
from jubilee.domain.errors import Invalid, LimitReached, NotAllowed, NotAuthenticated, NotFound
from jubilee.domain.identity import NewId, Principal, UserId, is_person_name, name_key
from jubilee.domain.paging import Page, Position
from jubilee.domain.transaction import Begin

BIRTH_POINTERS = ("/dateOfBirth", "/timeZone")
CACHE_PERIOD_S = 15 * 60  # seconds; wherever a day ends, it ends on a quarter of an hour


class InvalidName(Invalid):
    """A name is a letter, then letters and marks: 64 characters at most."""

    code = "invalid_name"


class BirthdayNotFound(NotFound):
    """Nobody has saved a birthday under this name."""

    code = "birthday_not_found"


class TooManyNames(LimitReached):
    """No more new names can be saved here without an account."""

    code = "too_many_names"


@dataclass(frozen=True, slots=True)
class Birth:
    """When somebody was born, and the zone whose calendar says what today is for them."""

    date: date
    time_zone: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Birthday:
    """What is saved under a name; an account's may be empty, a stranger's belongs to nobody."""

    id: UUID
    name: str
    user_id: UserId | None = None
    birth: Birth | None = None

    @property
    def key(self) -> str:
        """The form of the name by which it is found."""
        return name_key(self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Celebration:
    """Somebody's birthday on a `day` that is so many `days` away from their own today."""

    id: UUID
    name: str | None
    user_id: UserId | None
    born: date
    day: date
    days: int

    @property
    def turning(self) -> int:
        """The age that is reached, in years."""
        return self.day.year - self.born.year


class BirthdayRepository(Protocol):
    """The birthdays, one a name; accounts have one each, strangers' belong to nobody."""

    async def find(self, key: str) -> Birth | None:
        """What is saved under the name, whoever bears it."""

    async def lock(self, key: str) -> Birthday | None:
        """The birthday of the name, which nobody changes until the end of the transaction."""

    async def put(self, birthday: Birthday, *, overwrite: bool, max_anonymous: int) -> bool:
        """Save a stranger's.

        False where an account bears the name, or where it is known and not to be overwritten:
        then it is locked. Raises TooManyNames where it would be one more than `most`.
        """

    async def change(self, birthday_id: UUID, birth: Birth | None) -> None:
        """Write what a name that is locked has; None empties it."""

    async def remove(self, birthday_id: UUID) -> None:
        """Remove a stranger's."""

    async def list_window(
        self, window: Window, *, after: Position | None, limit: int
    ) -> Page[Celebration]:
        """By day, month and day of birth, id; without the accounts that are not active."""


class BirthdayTransaction(Protocol):
    """What birthdays need of a transaction."""

    @property
    def birthdays(self) -> BirthdayRepository:
        """The birthdays."""


class TodayCache(Protocol):
    """Keeps pages of today's list; it may forget, it is bounded in time, and it never raises."""

    async def page(
        self, key: str, load: Callable[[], Awaitable[Page[Celebration]]], *, seconds: int
    ) -> Page[Celebration]:
        """What is kept under the key, else what `load` gives, which is then kept so long."""

    async def forget(self) -> None:
        """Keep nothing of what was read before this."""


@dataclass(frozen=True, slots=True)
class BirthdayService:
    """What can be done with birthdays."""

    write: Begin[BirthdayTransaction]
    read: Begin[BirthdayTransaction]
    cache: TodayCache
    rules: BirthdayRules
    clock: Clock
    new_id: NewId

    async def save(
        self,
        name: str,
        birth: Birth,
        *,
        by: Principal | None,
        expects: VersionCheck[Birth | None] | None = None,
    ) -> None:
        """Save or replace; an account's name is its own or an admin's to change. Raises Stale."""
        if by is None and not self.rules.may_add(by):
            raise NotAuthenticated
        _check_name(name)
        self._calendar.check_born(birth.date, birth.time_zone, BIRTH_POINTERS)
        composed = normalize("NFC", name)
        async with self.write() as tx:
            birthday = Birthday(id=self.new_id(), name=composed, birth=birth)
            await self._put(tx, birthday, by, expects)
        await self.cache.forget()

    async def greet(self, name: str) -> str:
        """The message for today; it bears the name as it was asked for."""
        _check_name(name)
        async with self.read() as view:
            birth = await view.birthdays.find(name_key(name))
        if birth is None:
            raise BirthdayNotFound
        today = self._calendar.today(birth.time_zone)
        return message(name, days_until(birth.date, today, self.rules.leap_day))

    async def remove(
        self, name: str, *, by: Principal, expects: VersionCheck[Birth | None] | None = None
    ) -> None:
        """Forget a birthday; only those who may do so learn whether there is one.

        Raises Stale.
        """
        _check_name(name)
        async with self.write() as tx:
            known = await tx.birthdays.lock(name_key(name))
            if not (by.is_admin or (known is not None and known.user_id == by.user_id)):
                raise NotAllowed
            if known is None or known.birth is None:
                raise BirthdayNotFound
            require(expects, known.birth)
            await _forget(tx, known)
        await self.cache.forget()

    async def today(self, *, after: Position | None, limit: int) -> Page[Celebration]:
        """Who celebrates, everybody by their own calendar; kept until a day ends somewhere."""
        now = self.clock()

        async def load() -> Page[Celebration]:
            return await self._within(now, (0, 0), after, limit)

        quarter, passed = divmod(now.timestamp(), CACHE_PERIOD_S)
        key = ":".join(map(str, (int(quarter), limit, *(after or ()))))
        return await self.cache.page(key, load, seconds=ceil(CACHE_PERIOD_S - passed))

    async def upcoming(self, days: int, *, after: Position | None, limit: int) -> Page[Celebration]:
        """Who celebrates tomorrow or later, up to so many days from today."""
        return await self._within(self.clock(), (1, days), after, limit)

    async def _within(
        self, now: datetime, days: tuple[int, int], after: Position | None, limit: int
    ) -> Page[Celebration]:
        # The first call reads every zone's file, and that takes a while.
        dates = await asyncio.to_thread(local_dates, now, self.rules.time_zone)
        nearest, furthest = days
        window = Window(dates, nearest, furthest, self.rules.leap_day)
        async with self.read() as view:
            return await view.birthdays.list_window(window, after=after, limit=limit)

    async def _put(
        self,
        tx: BirthdayTransaction,
        birthday: Birthday,
        by: Principal | None,
        expects: VersionCheck[Birth | None] | None,
    ) -> None:
        rules = self.rules
        overwrite = rules.may_replace(by)
        if expects is not None:
            there = await tx.birthdays.lock(birthday.key)
            require(expects, _birth(there))
            overwrite = overwrite and there is not None  # of two who create it, one is first
        if rules.may_add(by) and await tx.birthdays.put(
            birthday, overwrite=overwrite, max_anonymous=rules.max_anonymous
        ):
            return
        known = await tx.birthdays.lock(birthday.key)
        require(expects, _birth(known))
        if known is None or known.user_id is None:
            raise NotAllowed
        if by is None:
            raise NotAuthenticated
        if not by.may_touch(known.user_id):
            raise NotAllowed
        await tx.birthdays.change(known.id, birthday.birth)

    @property
    def _calendar(self) -> Calendar:
        return Calendar(self.clock, self.rules.time_zone)


def message(name: str, days: int) -> str:
    """What is said to somebody whose birthday is so many days away."""
    if days == 0:
        return f"Hello, {name}! Happy birthday!"
    return f"Hello, {name}! Your birthday is in {days} day(s)"


def _birth(known: Birthday | None) -> Birth | None:
    return None if known is None else known.birth


def _check_name(name: str) -> None:
    if not is_person_name(name):
        raise InvalidName


async def _forget(tx: BirthdayTransaction, known: Birthday) -> None:
    """An account keeps its name, and with it the row."""
    if known.user_id is None:
        await tx.birthdays.remove(known.id)
    else:
        await tx.birthdays.change(known.id, None)
