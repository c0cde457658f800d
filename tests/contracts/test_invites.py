"""Pending invites, in memory and in PostgreSQL."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from jubilee.domain.invites.invite import Invite
from jubilee.domain.users.user import User
from tests.contracts.account_rows import make_invite
from tests.contracts.accounts import DAY, NOW, add_users, make_user
from tests.contracts.conftest import Database


@pytest.fixture
async def ada(database: Database) -> User:
    user = make_user("ada")
    await add_users(database, user)
    return user


async def add(database: Database, *invites: Invite) -> None:
    async with database.write() as tx:
        for invite in invites:
            await tx.invites.add(invite)


async def listed(database: Database, limit: int = 20) -> list[UUID]:
    """Return the ids of all pages."""
    found, after = [], None
    async with database.read() as view:
        while True:
            page = await view.invites.page(now=NOW, after=after, limit=limit)
            found += [invite.id for invite in page.rows]
            after = page.after
            if after is None:
                return found


async def test_an_invite_is_found_by_id_token_and_address_and_removed_once(
    database: Database, ada: User
) -> None:
    invite = make_invite(ada)
    await add(database, invite)
    async with database.write() as tx:
        assert await tx.invites.get(invite.id) == invite
        assert await tx.invites.find_by_token(invite.token_hash) == invite
        assert await tx.invites.find_by_email("ZOE@example.com") == invite
        assert await tx.invites.remove(invite.id) == invite
        assert await tx.invites.remove(invite.id) is None
        assert await tx.invites.find_by_token(invite.token_hash) is None
        assert await tx.invites.find_by_email(invite.email) is None


async def test_a_newer_invite_replaces_that_to_the_same_address(
    database: Database, ada: User
) -> None:
    old, new = make_invite(ada), replace(make_invite(ada), email="ZOE@example.com")
    await add(database, old, new)
    assert await listed(database) == [new.id]


async def test_pending_invites_are_listed_newest_first_in_pages(
    database: Database, ada: User
) -> None:
    hours = [make_invite(ada, f"u{n}", NOW - n * timedelta(hours=1)) for n in range(5)]
    await add(database, *hours, make_invite(ada, "old", NOW - 2 * DAY))
    assert await listed(database, limit=2) == [invite.id for invite in hours]


async def test_the_invites_of_an_account_are_counted_and_end_with_it(
    database: Database, ada: User
) -> None:
    await add(database, make_invite(ada, "zoe"), make_invite(ada, "max"))
    async with database.write() as tx:
        assert await tx.invites.count(ada.id, limit=10) == 2
        assert await tx.invites.count(ada.id, limit=1) == 1
        await tx.users.delete(ada.id)
    assert await listed(database) == []
