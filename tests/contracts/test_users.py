"""Accounts, in memory and in PostgreSQL."""

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
    ForcedRollback,
    add_sessions,
    add_users,
    make_session,
    make_user,
    roll_back_after,
)
from tests.contracts.conftest import Database

FULL = make_user(
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


async def list_users(database: Database, search: str | None = None, limit: int = 100) -> list[User]:
    """Return the accounts of all pages."""
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


async def save(database: Database, user: User) -> None:
    async with database.write() as tx:
        await tx.users.save(user)


async def find(database: Database, login: str) -> User | None:
    async with database.read() as view:
        user: User | None = await view.users.find_by_login(login)
        return user


async def test_an_account_is_read_unchanged(database: Database) -> None:
    await add_users(database, FULL)
    async with database.write() as tx:
        for lock in (False, True):
            assert await tx.users.get(FULL.id, lock=lock) == FULL
            with pytest.raises(UserNotFound):
                await tx.users.get(UserId(new_id()), lock=lock)


async def test_saving_writes_every_field(database: Database) -> None:
    user = make_user("before")
    await add_users(database, user)
    changed = replace(FULL, id=user.id, created_at=user.created_at)
    await save(database, changed)
    async with database.read() as view:
        assert await view.users.get(user.id) == changed


TAKEN: list[tuple[dict[str, Any], type[DomainError]]] = [
    ({"email": "ZOE@Example.com"}, EmailTaken),
    ({"username": "ZOË"}, UsernameTaken),
    ({"username": "zoe\u0308"}, UsernameTaken),
    ({"username": "\uff5aoë"}, UsernameTaken),
]


async def test_names_and_addresses_are_unique_in_every_spelling(database: Database) -> None:
    other = make_user("max")
    await add_users(database, make_user("zoe", username="zoë"), other)
    for names, refusal in TAKEN:
        with pytest.raises(refusal):
            await add_users(database, make_user("new", **names))
        with pytest.raises(refusal):
            await save(database, replace(other, **names))
    assert len(await list_users(database)) == 2


async def test_several_accounts_have_no_username(database: Database) -> None:
    await add_users(database, make_user("zoe"), make_user("max"))
    assert len(await list_users(database)) == 2


async def test_a_dropped_username_can_be_used_again(database: Database) -> None:
    zoe = make_user("zoe", username="quill")
    await add_users(database, zoe)
    await save(database, replace(zoe, username=None))
    other = make_user("max", username="Quill")
    await add_users(database, other)
    assert await find(database, "quill") == other


async def test_a_login_is_the_whole_address_or_username(database: Database) -> None:
    zoe = make_user("zoe", username="Quill")
    await add_users(database, zoe, make_user("max"))
    for login in ("zoe@example.com", "ZOE@EXAMPLE.COM", "quill", "QUILL", "\uff51uill"):
        assert await find(database, login) == zoe
    for login in ("", "zoe", "example.com", "unknown", "%", "zoe@example.com "):
        assert await find(database, login) is None


async def test_accounts_are_listed_newest_first_and_ties_by_id(database: Database) -> None:
    users = [make_user(f"u{n}", created_at=NOW + timedelta(seconds=n // 3)) for n in range(10)]
    await add_users(database, *users)
    newest = sorted(users, key=lambda user: (user.created_at, user.id), reverse=True)
    for limit in (1, 3, 9, 10, 11):
        assert await list_users(database, limit=limit) == newest


async def test_accounts_added_while_paging_are_neither_repeated_nor_hiding_others(
    database: Database,
) -> None:
    users = [make_user(f"u{n}", created_at=NOW + timedelta(seconds=n)) for n in range(6)]
    await add_users(database, *users)
    listed: list[User] = []
    async for page in pages(database, None, 2):
        listed += page
        late = NOW + timedelta(seconds=60 + len(listed))
        await add_users(database, make_user(f"late{len(listed)}", created_at=late))
    assert listed == users[::-1]


MATCHING = ["zoe", "ZO", "quill", "Qu Zo", "tail", "example zoe", "zoe@example.com", "a.tail"]
NOT_MATCHING = [
    "oe",
    "uill",
    "zoe max",
    "!",
    "'",
    "\\",
    ":*",
    "zoe & !max |",
    "<->",
    "''",
    "%",
    "🎂",
]


async def test_an_account_search_matches_prefixes_of_words(database: Database) -> None:
    zoe = make_user("zoe", username="a.tail", full_name="Zoe Quill")
    await add_users(database, zoe, make_user("max", full_name="Max Mole"))
    for search in MATCHING:
        assert await list_users(database, search) == [zoe], search


async def test_an_account_search_matches_nothing_else(database: Database) -> None:
    await add_users(database, make_user("zoe", full_name="Zoe Quill"), make_user("max"))
    for search in NOT_MATCHING:
        assert await list_users(database, search) == [], search


async def test_only_active_admins_are_locked(database: Database) -> None:
    admin = make_user("ada", is_superuser=True)
    inactive = make_user("max", is_superuser=True, is_active=False)
    await add_users(database, admin, inactive, make_user("zoe"))
    async with database.write() as tx:
        assert set(await tx.users.lock_admins()) == {admin.id}


async def test_deleting_an_account_deletes_its_sessions(database: Database) -> None:
    zoe, other = make_user("zoe", username="zoe"), make_user("max")
    await add_users(database, zoe, other)
    deleted, remaining = make_session(zoe), make_session(other)
    await add_sessions(database, deleted, remaining)
    async with database.write() as tx:
        await tx.users.delete(zoe.id)
    assert await list_users(database) == [other]
    async with database.read() as view:
        assert await view.sessions.find(deleted.id) is None
        assert await view.sessions.find(remaining.id) == remaining
    await add_users(database, make_user("zoe", username="zoe"))


async def test_a_rolled_back_transaction_adds_no_account(database: Database) -> None:
    with pytest.raises(ForcedRollback):
        await roll_back_after(database, lambda tx: tx.users.add(make_user("zoe")))
    assert await list_users(database) == []
