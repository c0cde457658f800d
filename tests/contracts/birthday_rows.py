"""Saving and listing birthdays in either database."""

from datetime import UTC, date, datetime
from typing import Any, NoReturn

from jubilee.adapters.ids import new_id
from jubilee.domain.birthday import Birth, Birthday, Saved, TooManyNames
from jubilee.domain.birthday_rules import BirthdayRules
from jubilee.domain.birthdays import BirthdayService
from jubilee.domain.calendar import LeapDayRule, Window, local_dates
from jubilee.domain.celebrations import Celebration
from jubilee.domain.identity import UserId
from jubilee.domain.users.user import User
from tests.contracts.conftest import Database
from tests.fakes.birthdays import FakeTodayCache

NOW = datetime(2026, 11, 20, 10, 30, tzinfo=UTC)  # three dates are today somewhere
BIRTH = Birth(date(1990, 2, 28), "Europe/Vienna")
OTHER_BIRTH = Birth(date(1980, 1, 1))
NO_LIMIT = 1_000_000
ZONES = (None, "Pacific/Kiritimati", "Etc/GMT+12", "Europe/Vienna", "Moon/Tycho")
LETTERS = "abcdefghij"


def make_window(nearest: int, furthest: int, rule: LeapDayRule = LeapDayRule.MAR1) -> Window:
    return Window(local_dates(NOW, "Europe/Vienna"), nearest, furthest, rule)


def birthday_service(database: Database) -> BirthdayService:
    return BirthdayService(
        write=database.write,
        write_one=database.read,
        read=database.read,
        read_list=database.read,
        cache=FakeTodayCache(),
        rules=BirthdayRules(),
        clock=lambda: NOW,
        new_id=new_id,
    )


async def put(
    database: Database,
    name: str,
    birth: Birth = BIRTH,
    *,
    overwrite: bool = True,
    max_anonymous: int = NO_LIMIT,
) -> Saved | None:
    async with database.write() as tx:
        birthday = Birthday(id=new_id(), name=name, birth=birth)
        saved: Saved | None = await tx.birthdays.put(
            birthday, overwrite=overwrite, max_anonymous=max_anonymous
        )
        return saved


async def find(database: Database, key: str) -> Birth | None:
    async with database.read() as view:
        found: Birth | None = await view.birthdays.find(key)
        return found


async def change(database: Database, key: str, birth: Birth | None) -> None:
    async with database.write() as tx:
        known = await tx.birthdays.lock(key)
        await tx.birthdays.change(known.id, birth)


async def register(database: Database, username: str | None, **profile: Any) -> User:
    user_id = UserId(new_id())
    email = f"{user_id}@example.com"
    user = User(
        id=user_id, email=email, username=username, created_at=NOW, updated_at=NOW, **profile
    )
    async with database.write() as tx:
        await tx.users.add(user)
    return user


async def list_celebrations(
    database: Database, window: Window, *, limit: int = 1000
) -> list[Celebration]:
    """Return all celebrations of the window, read page by page."""
    found: list[Celebration] = []
    after = None
    while True:
        async with database.read() as view:
            page = await view.birthdays.list_window(window, after=after, limit=limit)
        assert len(page.rows) <= limit
        found += page.rows
        after = page.after
        if after is None:
            return found


class ForcedRollback(Exception):
    """Raised to roll a transaction back."""


async def put_and_roll_back(database: Database, max_anonymous: int) -> NoReturn:
    async with database.write() as tx:
        birthday = Birthday(id=new_id(), name="Probe", birth=BIRTH)
        await tx.birthdays.put(birthday, overwrite=False, max_anonymous=max_anonymous)
        raise ForcedRollback


async def has_room(database: Database, max_anonymous: int) -> bool:
    """Return whether another anonymous name could be saved under this limit."""
    try:
        await put_and_roll_back(database, max_anonymous)
    except ForcedRollback:
        return True
    except TooManyNames:
        return False


async def count_anonymous(database: Database) -> int:
    """Return the number of anonymous names that the limit counts."""
    max_anonymous = 0
    while not await has_room(database, max_anonymous + 1):
        max_anonymous += 1
    return max_anonymous
