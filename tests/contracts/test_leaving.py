"""Deletions that wait and exports, in memory and in PostgreSQL."""

from datetime import UTC, datetime

import pytest

from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.retention import PostgresExpiredRows
from jubilee.domain.errors import Conflict
from jubilee.domain.leaving.export import Export
from jubilee.domain.retention import ExpiringData
from jubilee.domain.users.user import User
from tests.contracts.accounts import DAY, NOW, add_users, make_user
from tests.contracts.conftest import Database
from tests.fakes.store import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    """The current time, since the database's clock ends exports too."""
    return FakeClock(datetime.now(UTC))


@pytest.fixture
async def zoe(database: Database) -> User:
    user = make_user("zoe")
    await add_users(database, user)
    return user


async def exported(database: Database, user: User, *chunks: bytes, days: int = 7) -> Export:
    """Store a finished export."""
    export = Export(new_id(), user.id, sum(map(len, chunks)), len(chunks), NOW + days * DAY)
    async with database.write() as tx:
        await tx.exports.begin(export.id, user.id, expires_at=export.expires_at)
        for number, chunk in enumerate(chunks):
            await tx.exports.add(export.id, number, chunk)
        await tx.exports.finish(export)
    return export


async def found(database: Database, user: User) -> Export | None:
    async with database.read() as view:
        export: Export | None = await view.exports.find(user.id, now=NOW)
        return export


async def test_a_deletion_is_found_until_it_is_removed(database: Database, zoe: User) -> None:
    async with database.write() as tx:
        await tx.deletions.add(zoe.id, NOW + DAY)
    async with database.write() as tx:
        assert await tx.deletions.find(zoe.id) == NOW + DAY
        await tx.deletions.remove(zoe.id)
        assert await tx.deletions.find(zoe.id) is None
        await tx.deletions.remove(zoe.id)


async def test_an_export_is_read_by_its_account(database: Database, zoe: User) -> None:
    other = make_user("max")
    await add_users(database, other)
    export = await exported(database, zoe, b"one", b"two")
    assert await found(database, zoe) == export
    assert await found(database, other) is None
    async with database.read() as view:
        chunks = [await view.exports.chunk(export.id, number) for number in range(3)]
    assert chunks == [b"one", b"two", None]


async def test_an_unfinished_or_expired_export_is_not_found(database: Database, zoe: User) -> None:
    await exported(database, zoe, b"old", days=0)
    async with database.write() as tx:
        await tx.exports.begin(new_id(), zoe.id, expires_at=NOW + DAY)
    assert await found(database, zoe) is None


async def test_a_finished_export_replaces_all_others(database: Database, zoe: User) -> None:
    first = await exported(database, zoe, b"first")
    second = await exported(database, zoe, b"second")
    assert await found(database, zoe) == second
    async with database.read() as view:
        assert await view.exports.chunk(first.id, 0) is None


async def test_a_new_attempt_ends_the_one_before(database: Database, zoe: User) -> None:
    kept, stale = await exported(database, zoe, b"kept"), new_id()
    async with database.write() as tx:
        await tx.exports.begin(stale, zoe.id, expires_at=NOW + DAY)
        await tx.exports.begin(new_id(), zoe.id, expires_at=NOW + DAY)
    assert await found(database, zoe) == kept
    with pytest.raises(Conflict):
        async with database.write() as tx:
            await tx.exports.add(stale, 0, b"late")


async def test_deletion_and_export_go_with_their_account(database: Database, zoe: User) -> None:
    export = await exported(database, zoe, b"one")
    async with database.write() as tx:
        await tx.deletions.add(zoe.id, NOW)
        await tx.users.delete(zoe.id)
    assert await found(database, zoe) is None
    async with database.write() as tx:
        assert await tx.deletions.find(zoe.id) is None
        assert await tx.exports.chunk(export.id, 0) is None


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
async def test_expired_exports_are_deleted_with_their_chunks(
    database: Database, pool: ConnectionPool, zoe: User
) -> None:
    other = make_user("max")
    await add_users(database, other)
    expired, kept = [
        await exported(database, zoe, b"1", days=-1),
        await exported(database, other, b"2"),
    ]
    assert await PostgresExpiredRows(pool).drop(ExpiringData.EXPORTS, limit=5) == 1
    async with database.read() as view:
        assert await view.exports.chunk(expired.id, 0) is None
        assert await view.exports.chunk(kept.id, 0) == b"2"
