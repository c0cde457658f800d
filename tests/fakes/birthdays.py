"""Birthdays in memory, and a cache of today's list."""

from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from jubilee.domain.birthday import (
    Birth,
    Birthday,
    BirthdayRepository,
    KnownBirthdayStore,
    Saved,
    TooManyNames,
)
from jubilee.domain.calendar import Window, next_birthday
from jubilee.domain.celebrations import Celebration, LoadPage, TodayCache
from jubilee.domain.identity import UserId, is_person_name, name_key
from jubilee.domain.paging import Page, Position
from jubilee.domain.users.user import User
from tests.fakes.rows import FakeUnitOfWork


@dataclass(frozen=True, slots=True)
class FakeBirthdays(BirthdayRepository, KnownBirthdayStore):
    """Anonymous birthdays by name; an account's is a field of the account."""

    anonymous: MutableMapping[str, Birthday] = field(default_factory=dict)
    accounts: MutableMapping[UserId, User] = field(default_factory=dict)
    unit: FakeUnitOfWork = field(default_factory=FakeUnitOfWork)
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def find(self, key: str) -> Birth | None:
        self.unit.check(key)
        known = self._find(key)
        return None if known is None else known.birth

    async def lock(self, key: str) -> Birthday | None:
        self.unit.check(key)
        known = self._find(key)
        while known is not None:
            await self.unit.hold("birthday", known.id)
            again = self._find(key)
            if again is None or again.id == known.id:
                return again
            known = again
        return None

    async def replace(self, name: str, birth: Birth) -> Saved | None:
        self.unit.check(name)
        key = name_key(name)
        await self.unit.hold("name", key)
        known = self.anonymous.get(key)
        if known is None:
            return None
        self.anonymous[key] = replace(known, name=name, birth=birth)
        return Saved(known.birth.date if known.birth else None)

    async def put(self, birthday: Birthday, *, overwrite: bool, max_anonymous: int) -> Saved | None:
        self.unit.check(birthday)
        await self.unit.hold("name", birthday.key)
        known = await self.lock(birthday.key)
        if known is not None and (known.user_id is not None or not overwrite):
            return None
        if known is None:
            await self.unit.hold("counter")
        self.anonymous[birthday.key] = replace(birthday, id=known.id if known else birthday.id)
        if known is None and len(self.anonymous) > max_anonymous:
            raise TooManyNames
        return Saved(known.birth.date if known and known.birth else None)

    async def change(self, birthday_id: UUID, birth: Birth | None) -> None:
        await self.unit.hold("birthday", birthday_id)
        for key, known in list(self.anonymous.items()):
            if known.id == birthday_id:
                self.anonymous[key] = replace(known, birth=birth)
        user = self.accounts.get(UserId(birthday_id))
        if user is not None:
            self.accounts[user.id] = replace(
                user,
                date_of_birth=birth.date if birth else None,
                time_zone=birth.time_zone if birth else None,
                updated_at=max(user.updated_at, self.clock()),
            )

    async def remove(self, birthday_id: UUID) -> None:
        await self.unit.hold("birthday", birthday_id)
        for key, birthday in list(self.anonymous.items()):
            if birthday.id == birthday_id:
                await self.unit.hold("counter")
                del self.anonymous[key]

    async def lock_name(self, user: User) -> None:
        """Wait for other transactions that save under the account's name."""
        key = _key(user)
        if key is not None:
            await self.unit.hold("name", key)
            await self.lock(key)
        if key in self.anonymous:
            await self.unit.hold("counter")
        await self.unit.hold("birthday", user.id)

    async def list_window(
        self, window: Window, *, after: Position | None, limit: int
    ) -> Page[Celebration]:
        found = sorted(self._celebrations(window), key=_position)
        rows = [row for row in found if after is None or _position(row) > after]
        return Page(rows[:limit], _position(rows[limit - 1]) if len(rows) > limit else None)

    def put_account(self, user: User) -> None:
        """Store an account, and delete the anonymous birthday under its name."""
        self.accounts[user.id] = user
        self.anonymous.pop(_key(user) or "", None)

    def delete_account(self, user_id: UserId) -> None:
        """Delete the rows of an account."""
        self.accounts.pop(user_id, None)

    def with_current_birthday(self, user: User) -> User:
        """Return the account with its current birthday."""
        own = self.accounts[user.id]
        changed = max(user.updated_at, own.updated_at)
        return replace(
            user, date_of_birth=own.date_of_birth, time_zone=own.time_zone, updated_at=changed
        )

    def _find(self, key: str) -> Birthday | None:
        owners = [user for user in self.accounts.values() if _key(user) == key]
        return _birthday(owners[0]) if owners else self.anonymous.get(key)

    def _celebrations(self, window: Window) -> Iterator[Celebration]:
        active = [_birthday(user) for user in self.accounts.values() if user.is_active]
        for known in (*active, *self.anonymous.values()):
            if known.birth is None:
                continue
            today = window.dates.of(known.birth.time_zone)
            from_day = today + timedelta(days=window.nearest)
            day = next_birthday(known.birth.date, from_day, window.rule)
            if (day - today).days <= window.furthest and known.birth.date < day:
                yield Celebration(
                    id=known.id,
                    name=known.name or None,
                    user_id=known.user_id,
                    born=known.birth.date,
                    day=day,
                    days=(day - today).days,
                )


@dataclass(slots=True)
class FakeTodayCache(TodayCache):
    """Pages by key with their time to live; they stay until `forget`."""

    pages: dict[str, Page[Celebration]] = field(default_factory=dict)
    seconds: dict[str, int] = field(default_factory=dict)
    generation: int = 0
    recent: bool = False

    async def page(self, key: str, load: LoadPage, *, seconds: int) -> Page[Celebration]:
        if key in self.pages:
            return self.pages[key]
        generation = self.generation
        page = await load(recent=self.recent)
        if generation == self.generation:
            self.pages[key] = page
            self.seconds[key] = seconds
        return page

    async def forget(self) -> None:
        self.generation += 1
        self.pages.clear()


def _key(user: User) -> str | None:
    username = user.username or ""
    return name_key(username) if is_person_name(username) else None


def _birthday(user: User) -> Birthday:
    born = user.date_of_birth
    birth = None if born is None else Birth(born, user.time_zone)
    return Birthday(id=user.id, name=user.username or "", user_id=user.id, birth=birth)


def _position(celebration: Celebration) -> Position:
    born = celebration.born
    return celebration.day.isoformat(), f"{born.month * 100 + born.day:04}", str(celebration.id)
