"""Identities and used tickets, in the fakes and in PostgreSQL."""

from dataclasses import replace
from datetime import timedelta

import pytest

from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.retention import PostgresExpiredRows
from jubilee.adapters.postgres.transaction import transactions
from jubilee.adapters.postgres.write_context import WriteContext
from jubilee.domain.identities.identity import IdentityTaken
from jubilee.domain.retention import ExpiringData
from tests.contracts.accounts import DAY, NOW, add_users, make_user
from tests.contracts.conftest import Database
from tests.fakes.identities import make_identity


async def test_an_identity_is_found_by_issuer_and_subject_and_listed(database: Database) -> None:
    zoe = make_user("zoe")
    await add_users(database, zoe)
    first, second = make_identity(zoe.id), replace(make_identity(zoe.id, "zoe-2"), email=None)
    async with database.write() as tx:
        for identity in (first, second):
            await tx.identities.add(identity)
    used = replace(first, email=None, last_used_at=first.last_used_at + timedelta(hours=1))
    async with database.write() as tx:
        await tx.identities.save(used)
    async with database.read() as view:
        assert await view.identities.find(first.issuer, first.subject) == used
        assert await view.identities.find(first.issuer, "zoe-3") is None
        assert await view.identities.list_for(zoe.id) == [used, second]


async def test_an_identity_belongs_to_one_account(database: Database) -> None:
    zoe, ada = make_user("zoe"), make_user("ada")
    await add_users(database, zoe, ada)
    async with database.write() as tx:
        await tx.identities.add(make_identity(zoe.id))
    with pytest.raises(IdentityTaken):
        async with database.write() as tx:
            await tx.identities.add(make_identity(ada.id))


async def test_an_account_names_the_providers_that_it_is_linked_with(database: Database) -> None:
    zoe = make_user("zoe", oauth_provider="here")
    await add_users(database, zoe)
    async with database.write() as tx:
        for identity in (make_identity(zoe.id), replace(make_identity(zoe.id, "2"), provider="b")):
            await tx.identities.add(identity)
        assert (await tx.users.get(zoe.id, lock=True)).identities == ("here", "b")


async def test_identities_end_alone_and_with_their_account(database: Database) -> None:
    zoe = make_user("zoe")
    await add_users(database, zoe)
    kept, unlinked = make_identity(zoe.id), make_identity(zoe.id, "zoe-2")
    async with database.write() as tx:
        await tx.users.get(zoe.id, lock=True)
        for identity in (kept, unlinked):
            await tx.identities.add(identity)
        await tx.identities.delete(unlinked.id)
        assert await tx.identities.list_for(zoe.id) == [kept]
        await tx.users.delete(zoe.id)
    async with database.read() as view:
        assert await view.identities.find(kept.issuer, kept.subject) is None


async def test_a_ticket_is_used_once(database: Database) -> None:
    async with database.write() as tx:
        assert await tx.spent_tickets.add("ticket", until=NOW + DAY)
    async with database.write() as tx:
        assert not await tx.spent_tickets.add("ticket", until=NOW + DAY)
        assert await tx.spent_tickets.add("another", until=NOW + DAY)


async def test_tickets_are_deleted_once_they_have_expired(pool: ConnectionPool) -> None:
    write = transactions(pool, WriteContext(lambda: NOW, new_id, lambda: None))
    async with write() as tx:
        for ticket, until in (("old", NOW - DAY), ("older", NOW - 2 * DAY), ("new", NOW + DAY)):
            await tx.spent_tickets.add(ticket, until=until)
    expired = PostgresExpiredRows(pool)
    assert [await expired.drop(ExpiringData.TICKETS, limit=1) for _ in range(3)] == [1, 1, 0]
