"""Optimistic concurrency: one of several writers of a version wins, in memory and in PostgreSQL."""

import asyncio
from collections.abc import Callable
from datetime import date

import pytest

from jubilee.adapters.ids import new_id
from jubilee.domain.attempts.guard import AttemptGuard
from jubilee.domain.birthday import Birth
from jubilee.domain.calendar import Calendar
from jubilee.domain.errors import Stale
from jubilee.domain.identity import OPERATOR, Principal, SessionId
from jubilee.domain.one_time.issuing import LinkIssuer
from jubilee.domain.one_time.secrets import LinkSecrets
from jubilee.domain.passwords import PasswordChange, PasswordRules
from jubilee.domain.users.recent_proof import RecentProof
from jubilee.domain.users.registration import RegistrationMail
from jubilee.domain.users.service import UserService
from jubilee.domain.users.user import EmailPolicy, Profile, User, UserNotFound
from tests.contracts.accounts import NOW, add_users, make_user
from tests.contracts.birthday_rows import birthday_service
from tests.contracts.conftest import Database
from tests.fakes.birthdays import FakeTodayCache
from tests.fakes.passwords import FakePasswordHasher

WRITERS = 4


@pytest.fixture
def users(database: Database, guard: AttemptGuard) -> UserService:
    return UserService(
        write=database.write,
        read=database.read,
        read_list=database.read,
        hasher=FakePasswordHasher(),
        guard=guard,
        recent=RecentProof(lambda: NOW),
        rules=PasswordRules(8, ()),
        clock=lambda: NOW,
        new_id=new_id,
        calendar=Calendar(lambda: NOW, "UTC"),
        mail=RegistrationMail(
            LinkIssuer(LinkSecrets(b"l" * 32), lambda: NOW, new_id), EmailPolicy(), new_id
        ),
        birthdays_changed=FakeTodayCache().forget,
    )


def equal_to(user: User) -> Callable[[User], bool]:
    return lambda now: now == user


async def test_one_of_parallel_changes_of_an_account_succeeds(
    database: Database, users: UserService
) -> None:
    await add_users(database, make_user("zoe"))
    [before] = (await users.list(search=None, by=OPERATOR, after=None, limit=9)).rows
    by = Principal(before.id, SessionId(new_id()))

    async def write(number: int) -> User:
        profile = Profile(full_name=f"Zoe {number}")
        return await users.change(
            before.id, profile, PasswordChange(), by=by, expects=equal_to(before)
        )

    outcomes = await asyncio.gather(*map(write, range(WRITERS)), return_exceptions=True)
    winners = [outcome for outcome in outcomes if isinstance(outcome, User)]
    assert [type(o) for o in outcomes if o not in winners] == [Stale] * (WRITERS - 1)
    assert [await users.get(before.id, by=by)] == winners


async def test_deleting_a_changed_account_is_refused(
    database: Database, users: UserService
) -> None:
    user = make_user("zoe")
    await add_users(database, user)
    by = Principal(user.id, SessionId(new_id()))
    changed = await users.change(user.id, Profile(full_name="Zoe"), PasswordChange(), by=by)
    with pytest.raises(Stale):
        await users.delete(user.id, by=by, expects=equal_to(user))
    await users.delete(user.id, by=by, expects=equal_to(changed))
    with pytest.raises(UserNotFound):
        await users.get(user.id, by=by)


async def test_one_of_parallel_creations_of_a_name_succeeds(database: Database) -> None:
    service = birthday_service(database)

    async def create(year: int) -> None:
        birth = Birth(date(year, 2, 28))
        await service.save("Zoe", birth, by=None, expects=lambda birth: birth is None)

    years = range(1990, 1990 + WRITERS)
    outcomes = await asyncio.gather(*map(create, years), return_exceptions=True)
    assert sorted(type(o).__name__ for o in outcomes) == ["NoneType"] + ["Stale"] * (WRITERS - 1)
    winner = years[outcomes.index(None)]
    async with database.read() as view:
        assert await view.birthdays.find("zoe") == Birth(date(winner, 2, 28))
