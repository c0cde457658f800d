"""Accounts, in memory and in PostgreSQL alike."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from jubilee.adapters.ids import new_id
from jubilee.domain.errors import DomainError
from jubilee.domain.identity import UserId
from jubilee.domain.users.user import EmailTaken, User, UsernameTaken, UserNotFound
from tests.contracts.accounts import (
    NOW,
    BrokenOff,
    a_session,
    a_user,
    broken_off,
    kept,
    opened,
)
from tests.contracts.conftest import Database

FULL = a_user(
    "full",
    username="Zoë.Q-1",
    full_name="Zoe Quill 🎂",
    password_hash="$argon2id$x",
    is_superuser=True,
    oauth_provider="example",
    date_of_birth=date(1990, 2, 28),
    time_zone="Europe/Vienna",
    birthday_greeting=False,
)


async def listed(database: Database, search: str | None = None, limit: int = 100) -> list[User]:
    """Every account that the pages show, from the first to the last."""
    return [user async for page in pages(database, search, limit) for user in page]


async def pages(database: Database, search: str | None, limit: int) -> AsyncIterator[list[User]]:
    after = None
    while True:
        async with database.read() as view:
            page = await view.users.page(search=search, after=after, limit=limit)
        assert len(page.rows) <= limit
        yield list(page.rows)
        after = page.after
        if after is None:
            return


async def saved(database: Database, user: User) -> None:
    async with database.write() as tx:
        await tx.users.save(user)


async def found(database: Database, login: str) -> User | None:
    async with database.read() as view:
        user: User | None = await view.users.find_by_login(login)
        return user


async def test_an_account_is_what_was_written(database: Database) -> None:
    await kept(database, FULL)
    async with database.write() as tx:
        for lock in (False, True):
            assert await tx.users.get(FULL.id, lock=lock) == FULL
            with pytest.raises(UserNotFound):
                await tx.users.get(UserId(new_id()), lock=lock)


async def test_saving_writes_every_field(database: Database) -> None:
    user = a_user("before")
    await kept(database, user)
    changed = replace(FULL, id=user.id, created_at=user.created_at)
    await saved(database, changed)
    async with database.read() as view:
        assert await view.users.get(user.id) == changed


TAKEN: list[tuple[dict[str, Any], type[DomainError]]] = [
    ({"email": "ZOE@Example.com"}, EmailTaken),
    ({"username": "ZOË"}, UsernameTaken),
    ({"username": "zoe\u0308"}, UsernameTaken),
    ({"username": "\uff5aoë"}, UsernameTaken),
]


async def test_a_name_is_taken_in_every_spelling(database: Database) -> None:
    other = a_user("max")
    await kept(database, a_user("zoe", username="zoë"), other)
    for names, refusal in TAKEN:
        with pytest.raises(refusal):
            await kept(database, a_user("new", **names))
        with pytest.raises(refusal):
            await saved(database, replace(other, **names))
    assert len(await listed(database)) == 2


async def test_many_accounts_have_no_username(database: Database) -> None:
    await kept(database, a_user("zoe"), a_user("max"))
    assert len(await listed(database)) == 2


async def test_a_username_is_free_again_once_it_is_dropped(database: Database) -> None:
    zoe = a_user("zoe", username="quill")
    await kept(database, zoe)
    await saved(database, replace(zoe, username=None))
    other = a_user("max", username="Quill")
    await kept(database, other)
    assert await found(database, "quill") == other


async def test_one_is_found_by_address_or_username_alone(database: Database) -> None:
    zoe = a_user("zoe", username="Quill")
    await kept(database, zoe, a_user("max"))
    for login in ("zoe@example.com", "ZOE@EXAMPLE.COM", "quill", "QUILL", "\uff51uill"):
        assert await found(database, login) == zoe
    for login in ("", "zoe", "example.com", "nobody", "%", "zoe@example.com "):
        assert await found(database, login) is None


async def test_the_newest_come_first_and_ties_are_kept_apart(database: Database) -> None:
    users = [a_user(f"u{n}", created_at=NOW + timedelta(seconds=n // 3)) for n in range(10)]
    await kept(database, *users)
    newest = sorted(users, key=lambda user: (user.created_at, user.id), reverse=True)
    for limit in (1, 3, 9, 10, 11):
        assert await listed(database, limit=limit) == newest


async def test_who_comes_meanwhile_neither_doubles_nor_hides_anybody(database: Database) -> None:
    users = [a_user(f"u{n}", created_at=NOW + timedelta(seconds=n)) for n in range(6)]
    await kept(database, *users)
    shown: list[User] = []
    async for page in pages(database, None, 2):
        shown += page
        late = NOW + timedelta(seconds=60 + len(shown))
        await kept(database, a_user(f"late{len(shown)}", created_at=late))
    assert shown == users[::-1]


FINDING = ["zoe", "ZO", "quill", "Qu Zo", "tail", "example zoe", "zoe@example.com", "a.tail"]
MISSING = ["oe", "uill", "zoe max", "!", "'", "\\", ":*", "zoe & !max |", "<->", "''", "%", "🎂"]


async def test_the_search_finds_words_and_their_beginnings(database: Database) -> None:
    zoe = a_user("zoe", username="a.tail", full_name="Zoe Quill")
    await kept(database, zoe, a_user("max", full_name="Max Mole"))
    for search in FINDING:
        assert await listed(database, search) == [zoe], search


async def test_the_search_finds_nothing_else_whatever_it_contains(database: Database) -> None:
    await kept(database, a_user("zoe", full_name="Zoe Quill"), a_user("max"))
    for search in MISSING:
        assert await listed(database, search) == [], search


async def test_only_active_admins_are_locked(database: Database) -> None:
    admin = a_user("ada", is_superuser=True)
    retired = a_user("max", is_superuser=True, is_active=False)
    await kept(database, admin, retired, a_user("zoe"))
    async with database.write() as tx:
        assert set(await tx.users.lock_admins()) == {admin.id}


async def test_an_account_goes_with_its_sessions(database: Database) -> None:
    zoe, other = a_user("zoe", username="zoe"), a_user("max")
    await kept(database, zoe, other)
    gone, stays = a_session(zoe), a_session(other)
    await opened(database, gone, stays)
    async with database.write() as tx:
        await tx.users.delete(zoe.id)
    assert await listed(database) == [other]
    async with database.read() as view:
        assert await view.sessions.find(gone.id) is None
        assert await view.sessions.find(stays.id) == stays
    await kept(database, a_user("zoe", username="zoe"))


async def test_a_transaction_that_fails_leaves_nothing(database: Database) -> None:
    with pytest.raises(BrokenOff):
        await broken_off(database, lambda tx: tx.users.add(a_user("zoe")))
    assert await listed(database) == []
