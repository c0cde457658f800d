"""One-time links, in memory and in PostgreSQL."""

import asyncio
from datetime import timedelta

import pytest

from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.retention import PostgresExpiredRows
from jubilee.adapters.postgres.transaction import transactions, views
from jubilee.adapters.postgres.write_context import WriteContext
from jubilee.domain.one_time.link import LinkPurpose, OneTimeLink
from jubilee.domain.retention import ExpiringData
from jubilee.domain.users.user import User
from tests.contracts.account_rows import make_link
from tests.contracts.accounts import DAY, NOW, add_users, make_user
from tests.contracts.conftest import Database

SECOND = timedelta(seconds=1)
RESET, VERIFY, UNDO = (
    LinkPurpose.RESET_PASSWORD,
    LinkPurpose.VERIFY_EMAIL,
    LinkPurpose.UNDO_EMAIL,
)


@pytest.fixture
async def zoe(database: Database) -> User:
    user = make_user("zoe")
    await add_users(database, user)
    return user


async def add(database: Database, *links: OneTimeLink) -> None:
    async with database.write() as tx:
        for link in links:
            await tx.one_time.add(link)


async def is_live(database: Database, link: OneTimeLink) -> bool:
    async with database.read() as view:
        found: OneTimeLink = await view.one_time.get(link.id)
        return found.is_live(NOW)


async def test_a_link_is_found_unchanged_by_each_of_its_names(
    database: Database, zoe: User
) -> None:
    link = make_link(zoe, payload={"kind": "käse 🧀"})
    await add(database, link)
    async with database.read() as view:
        assert await view.one_time.get(link.id) == link
        assert await view.one_time.find_by_token(RESET, link.token_hash) == link
        assert await view.one_time.find_by_recipient(RESET, "ZOE@Example.com") == link


async def test_a_link_is_bound_to_its_purpose(database: Database, zoe: User) -> None:
    link = make_link(zoe)
    await add(database, link)
    async with database.read() as view:
        assert await view.one_time.find_by_token(VERIFY, link.token_hash) is None
        assert await view.one_time.find_by_recipient(VERIFY, link.recipient) is None


async def test_a_newer_link_ends_the_older_one_of_its_account_and_purpose(
    database: Database, zoe: User
) -> None:
    other = make_user("max")
    await add_users(database, other)
    old, unlike, foreign = make_link(zoe), make_link(zoe, VERIFY), make_link(other)
    await add(database, old, unlike, foreign)
    new = make_link(zoe, recipient="new@example.com", created_at=NOW + SECOND)
    await add(database, new)
    lives = [await is_live(database, link) for link in (old, unlike, foreign, new)]
    assert lives == [False, True, True, True]


async def test_links_that_undo_stay_live_beside_those_to_other_addresses(
    database: Database, zoe: User
) -> None:
    first, second = make_link(zoe, UNDO), make_link(zoe, UNDO, recipient="b@example.com")
    await add(database, first, second)
    assert await is_live(database, first)
    await add(database, make_link(zoe, UNDO))
    assert not await is_live(database, first)
    assert await is_live(database, second)


async def test_a_link_ends_once(database: Database, zoe: User) -> None:
    link = make_link(zoe)
    await add(database, link)
    async with database.write() as tx:
        assert await tx.one_time.end(link.id, now=NOW)
        assert not await tx.one_time.end(link.id, now=NOW)
    assert not await is_live(database, link)


async def test_of_parallel_uses_of_a_link_one_succeeds(database: Database, zoe: User) -> None:
    link = make_link(zoe)
    await add(database, link)

    async def use() -> bool:
        async with database.write() as tx:
            ended: bool = await tx.one_time.end(link.id, now=NOW)
            await asyncio.sleep(0)
            return ended

    assert sum(await asyncio.gather(*(use() for _ in range(4)))) == 1


async def test_an_expired_link_cannot_be_ended(database: Database, zoe: User) -> None:
    link = make_link(zoe, expires_at=NOW)
    await add(database, link)
    async with database.write() as tx:
        assert not await tx.one_time.end(link.id, now=NOW)


async def test_all_links_of_an_account_are_ended_at_once(database: Database, zoe: User) -> None:
    other = make_user("max")
    await add_users(database, other)
    links = [make_link(zoe), make_link(zoe, VERIFY), make_link(other)]
    await add(database, *links)
    async with database.write() as tx:
        await tx.one_time.end_all(zoe.id, now=NOW)
    assert [await is_live(database, link) for link in links] == [False, False, True]


async def test_links_of_one_purpose_can_be_spared(database: Database, zoe: User) -> None:
    links = [make_link(zoe, VERIFY), make_link(zoe, LinkPurpose.UNDO_EMAIL)]
    await add(database, *links)
    async with database.write() as tx:
        await tx.one_time.end_all(zoe.id, now=NOW, but=LinkPurpose.UNDO_EMAIL)
    assert [await is_live(database, link) for link in links] == [False, True]


async def test_links_are_counted_by_account_purpose_and_time(database: Database, zoe: User) -> None:
    times = (NOW - DAY, NOW - SECOND, NOW)
    await add(database, *(make_link(zoe, created_at=time) for time in times))
    await add(database, make_link(zoe, VERIFY))
    async with database.write() as tx:
        assert await tx.one_time.count(zoe.id, RESET, since=NOW - 2 * SECOND) == 2


async def test_deleting_an_account_deletes_its_links(database: Database, zoe: User) -> None:
    link = make_link(zoe)
    await add(database, link)
    async with database.write() as tx:
        await tx.users.delete(zoe.id)
        assert await tx.one_time.get(link.id) is None


async def test_links_are_deleted_a_while_after_they_expire(pool: ConnectionPool) -> None:
    context = WriteContext(lambda: NOW, new_id, lambda: None)
    database = Database(transactions(pool, context), views(pool, context))
    zoe = make_user("zoe")
    await add_users(database, zoe)
    old = [make_link(zoe, expires_at=NOW - 2 * DAY) for _ in range(3)]
    recent = make_link(zoe, expires_at=NOW - DAY / 2)
    await add(database, *old, recent)
    expired = PostgresExpiredRows(pool)
    dropped = [await expired.drop(ExpiringData.LINKS, kept=DAY, limit=2) for _ in range(3)]
    assert dropped == [2, 1, 0]
    async with database.read() as view:
        assert await view.one_time.get(recent.id) == recent
