"""A birthday service over the fakes, and what its lists contain."""

from datetime import date
from typing import Any

from jubilee.adapters.ids import new_id
from jubilee.domain.birthday import Birth
from jubilee.domain.birthday_rules import AnonymousPolicy, BirthdayRules
from jubilee.domain.birthdays import BirthdayService
from jubilee.domain.identity import Principal, SessionId, UserId
from jubilee.domain.users.user import User
from tests.fakes.birthdays import FakeTodayCache
from tests.fakes.store import FakeStore

BIRTH = Birth(date(1990, 2, 28))
ADMIN = Principal(UserId(new_id()), SessionId(new_id()), is_admin=True)
USER = Principal(UserId(new_id()), SessionId(new_id()))
ALL_POLICIES = AnonymousPolicy.OPEN, AnonymousPolicy.CREATE, AnonymousPolicy.OFF


def make_birthday_service(store: FakeStore, **rules: Any) -> BirthdayService:
    return BirthdayService(
        write=store.transaction,
        write_one=store.view,
        read=store.view,
        read_list=store.view,
        cache=FakeTodayCache(),
        rules=BirthdayRules(**rules),
        clock=store.clock,
        new_id=new_id,
    )


async def add_account(store: FakeStore, name: str | None = "zoe", **profile: Any) -> Principal:
    now = store.clock()
    user_id = UserId(new_id())
    email = f"{user_id}@example.com"
    user = User(id=user_id, email=email, username=name, created_at=now, updated_at=now, **profile)
    async with store.transaction() as tx:
        await tx.users.add(user)
    return Principal(user_id, SessionId(new_id()))


async def upcoming_names(
    birthdays: BirthdayService, days: int = 30
) -> list[tuple[str | None, int]]:
    page = await birthdays.upcoming(days, by=ADMIN, after=None, limit=100)
    return [(row.name, row.days) for row in page.rows]


async def names_of_today(birthdays: BirthdayService) -> list[str | None]:
    page = await birthdays.today(by=ADMIN, after=None, limit=100)
    return [row.name for row in page.rows]
