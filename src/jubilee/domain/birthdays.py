"""Birthdays: saved and greeted by name, listed for admins."""

import asyncio
from dataclasses import dataclass
from datetime import date, datetime
from math import ceil
from unicodedata import normalize

from jubilee.domain.audit.entry import AuditEvent, record_access, record_read
from jubilee.domain.birthday import (
    Birth,
    Birthday,
    BirthdayNotFound,
    BirthdayTransaction,
    InvalidName,
    KnownBirthdayTransaction,
    Saved,
)
from jubilee.domain.birthday_rules import BirthdayRules
from jubilee.domain.calendar import Calendar, Window, days_until, local_dates, may_be_today
from jubilee.domain.celebrations import Celebration, TodayCache
from jubilee.domain.clock import Clock
from jubilee.domain.concurrency import VersionCheck, require
from jubilee.domain.errors import NotAllowed, NotAuthenticated
from jubilee.domain.identity import NewId, Principal, is_person_name, name_key
from jubilee.domain.paging import Page, Position
from jubilee.domain.transaction import Begin

BIRTH_POINTERS = ("/dateOfBirth", "/timeZone")
CACHE_PERIOD_S = 15 * 60  # local days of all zones end at a quarter of an hour


@dataclass(frozen=True, slots=True)
class BirthdayService:
    """Use cases of birthdays."""

    write: Begin[BirthdayTransaction]
    write_one: Begin[KnownBirthdayTransaction]
    read: Begin[BirthdayTransaction]
    read_list: Begin[BirthdayTransaction]
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
        """Save a birthday; that of an account only by its user or an admin. Raises Stale."""
        if by is None and not self.rules.may_add(by):
            raise NotAuthenticated
        _check_name(name)
        self._calendar.check_born(birth.date, birth.time_zone, BIRTH_POINTERS)
        normal = normalize("NFC", name)
        saved = await self._replace(normal, birth, by) if expects is None else None
        if saved is None:
            birthday = Birthday(id=self.new_id(), name=normal, birth=birth)
            async with self.write() as tx:
                saved = await self._put(tx, birthday, by, expects)
        await self._forget(saved, birth.date)

    async def greet(self, name: str) -> str:
        """Return today's message, with the name as spelt in the request."""
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
        """Delete a birthday. Raises Stale.

        Only callers who may delete it learn whether it exists.
        """
        _check_name(name)
        async with self.write() as tx:
            known = await tx.birthdays.lock(name_key(name))
            if not (by.is_admin or (known is not None and known.user_id == by.user_id)):
                raise NotAllowed
            if known is None or known.birth is None:
                raise BirthdayNotFound
            require(expects, known.birth)
            await _record_write(tx, known, by)
            await _remove(tx, known)
        await self._forget(Saved(known.birth.date))

    async def today(
        self, *, by: Principal, after: Position | None, limit: int
    ) -> Page[Celebration]:
        """List who celebrates today by local date; cached until a day ends in any zone."""
        now = self.clock()

        async def load(*, recent: bool) -> Page[Celebration]:
            read = self.read if recent else self.read_list
            return await self._within(read, now, (0, 0), after=after, limit=limit)

        quarter, passed = divmod(now.timestamp(), CACHE_PERIOD_S)
        key = ":".join(map(str, (int(quarter), limit, *(after or ()))))
        page = await self.cache.page(key, load, seconds=ceil(CACHE_PERIOD_S - passed))
        await record_read(self.write, by=by, resource="birthdays")
        return page

    async def upcoming(
        self, days: int, *, by: Principal, after: Position | None, limit: int
    ) -> Page[Celebration]:
        """List who celebrates from tomorrow until `days` days from today."""
        now = self.clock()
        page = await self._within(self.read_list, now, (1, days), after=after, limit=limit)
        await record_read(self.write, by=by, resource="birthdays")
        return page

    async def _within(
        self,
        read: Begin[BirthdayTransaction],
        now: datetime,
        days: tuple[int, int],
        *,
        after: Position | None,
        limit: int,
    ) -> Page[Celebration]:
        # Off the event loop: the first call reads the files of all zones.
        dates = await asyncio.to_thread(local_dates, now, self.rules.time_zone)
        nearest, furthest = days
        window = Window(dates, nearest, furthest, self.rules.leap_day)
        async with read() as view:
            return await view.birthdays.list_window(window, after=after, limit=limit)

    async def _replace(self, name: str, birth: Birth, by: Principal | None) -> Saved | None:
        """Save over a known name; None if it takes a transaction.

        Most saves are of known names, which share a statement and a commit.
        """
        if not (self.rules.may_add(by) and self.rules.may_replace(by)):
            return None
        async with self.write_one() as tx:
            return await tx.birthdays.replace(name, birth)

    async def _put(
        self,
        tx: BirthdayTransaction,
        birthday: Birthday,
        by: Principal | None,
        expects: VersionCheck[Birth | None] | None,
    ) -> Saved:
        rules = self.rules
        overwrite = rules.may_replace(by)
        if expects is not None:
            current = await tx.birthdays.lock(birthday.key)
            require(expects, _birth(current))
            # Of two concurrent creations only the first may succeed.
            overwrite = overwrite and current is not None
        if rules.may_add(by) and (
            saved := await tx.birthdays.put(
                birthday, overwrite=overwrite, max_anonymous=rules.max_anonymous
            )
        ):
            return saved
        known = await tx.birthdays.lock(birthday.key)
        require(expects, _birth(known))
        if known is None or known.user_id is None:
            raise NotAllowed
        return await _put_of_account(tx, known, birthday.birth, by)

    async def _forget(self, saved: Saved, new: date | None = None) -> None:
        """Drop the pages of today's list if one of them may show the old or the new birthday."""
        now, rule = self.clock(), self.rules.leap_day
        dates = [born for born in (saved.replaced, new) if born is not None]
        if not saved.is_certain or any(may_be_today(born, now, rule) for born in dates):
            await self.cache.forget()

    @property
    def _calendar(self) -> Calendar:
        return Calendar(self.clock, self.rules.time_zone)


async def _put_of_account(
    tx: BirthdayTransaction, known: Birthday, birth: Birth | None, by: Principal | None
) -> Saved:
    if by is None:
        raise NotAuthenticated
    if known.user_id is None or not by.may_access(known.user_id):
        raise NotAllowed
    await _record_write(tx, known, by)
    await tx.birthdays.change(known.id, birth)
    return Saved(known.birth.date if known.birth else None)


def message(name: str, days: int) -> str:
    """Return the message for a birthday that is `days` days away."""
    if days == 0:
        return f"Hello, {name}! Happy birthday!"
    return f"Hello, {name}! Your birthday is in {days} day(s)"


def _birth(known: Birthday | None) -> Birth | None:
    return None if known is None else known.birth


def _check_name(name: str) -> None:
    if not is_person_name(name):
        raise InvalidName


async def _record_write(tx: BirthdayTransaction, known: Birthday, by: Principal) -> None:
    await record_access(
        tx.audit,
        AuditEvent.ADMIN_WRITE,
        by=by,
        owner=known.user_id,
        resource="birthday",
        resource_id=str(known.id),
    )


async def _remove(tx: BirthdayTransaction, known: Birthday) -> None:
    """Clear the birthday of an account, or delete an anonymous one."""
    if known.user_id is None:
        await tx.birthdays.remove(known.id)
    else:
        await tx.birthdays.change(known.id, None)
