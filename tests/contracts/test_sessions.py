"""Sessions, in memory and in PostgreSQL alike."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from jubilee.adapters.ids import new_id
from jubilee.domain.auth.sessions import MAX_SESSIONS_PER_USER, ClientInfo, Session
from jubilee.domain.auth.tokens import TokenClaims
from jubilee.domain.identity import Principal, SessionId
from jubilee.domain.users.user import User
from tests.contracts.accounts import DAY, NOW, a_session, a_user, kept, opened
from tests.contracts.conftest import Database
from tests.fakes.store import FakeClock

SECOND = timedelta(seconds=1)


@pytest.fixture
def clock() -> FakeClock:
    """Sessions end by the database's clock, too."""
    return FakeClock(datetime.now(UTC))


@pytest.fixture
async def zoe(database: Database) -> User:
    user = a_user("zoe")
    await kept(database, user)
    return user


async def checked(database: Database, session: Session, **other: object) -> Principal | None:
    claims = replace(TokenClaims(session.user_id, session.id), **other)  # type: ignore[arg-type]  # the test says which
    async with database.read() as view:
        principal: Principal | None = await view.sessions.check(claims)
        return principal


async def listed(database: Database, user: User) -> list[Session]:
    async with database.read() as view:
        return list(await view.sessions.list_for(user.id))


async def test_a_session_is_what_was_written(database: Database, zoe: User) -> None:
    session = a_session(zoe, previous_hash=b"p" * 32, client=ClientInfo(None, "käse 🧀"))
    await opened(database, session)
    async with database.write() as tx:
        for lock in (False, True):
            assert await tx.sessions.find(session.id, lock=lock) == session
            assert await tx.sessions.find(SessionId(new_id()), lock=lock) is None


async def test_a_live_session_says_who_it_is(database: Database, zoe: User) -> None:
    session = a_session(zoe)
    await opened(database, session)
    assert await checked(database, session) == Principal(zoe.id, session.id)
    async with database.write() as tx:
        await tx.users.save(replace(zoe, is_superuser=True))
    assert await checked(database, session) == Principal(zoe.id, session.id, is_admin=True)


async def test_a_session_speaks_for_its_own_account_alone(database: Database, zoe: User) -> None:
    other, session = a_user("max", is_superuser=True), a_session(zoe)
    await kept(database, other)
    await opened(database, session)
    assert await checked(database, session, user_id=other.id) is None
    assert await checked(database, session, session_id=SessionId(new_id())) is None


async def test_neither_an_expired_session_nor_a_disabled_account_is_anybody(
    database: Database, zoe: User
) -> None:
    expired, live = a_session(zoe, expires_at=NOW - SECOND), a_session(zoe)
    await opened(database, expired, live)
    assert await checked(database, expired) is None
    async with database.write() as tx:
        await tx.users.save(replace(zoe, is_active=False))
    assert await checked(database, live) is None


async def test_ones_live_sessions_are_listed_newest_first(database: Database, zoe: User) -> None:
    other = a_user("max")
    await kept(database, other)
    old, new = a_session(zoe, created_at=NOW - DAY), a_session(zoe)
    expired = a_session(zoe, expires_at=NOW - SECOND)
    await opened(database, old, new, expired, a_session(other))
    assert await listed(database, zoe) == [new, old]


async def test_saving_writes_what_a_rotation_changes(database: Database, zoe: User) -> None:
    session = a_session(zoe)
    rotated = replace(
        session,
        generation=2,
        token_hash=b"n" * 32,
        previous_hash=session.token_hash,
        rotated_at=NOW + SECOND,
        expires_at=NOW + 2 * DAY,
    )
    await opened(database, session)
    async with database.write() as tx:
        await tx.sessions.save(rotated)
    assert await listed(database, zoe) == [rotated]


async def test_one_ends_ones_own_session_once(database: Database, zoe: User) -> None:
    other, session = a_user("max"), a_session(zoe)
    await kept(database, other)
    await opened(database, session)
    async with database.write() as tx:
        assert not await tx.sessions.end(session.id, user_id=other.id)
        assert await tx.sessions.end(session.id, user_id=zoe.id)
        assert not await tx.sessions.end(session.id, user_id=zoe.id)
    assert await checked(database, session) is None


async def test_all_sessions_of_one_account_end_but_for_one(database: Database, zoe: User) -> None:
    other = a_user("max")
    await kept(database, other)
    mine, also_mine, foreign = a_session(zoe), a_session(zoe), a_session(other)
    await opened(database, mine, also_mine, foreign)
    async with database.write() as tx:
        await tx.sessions.end_all(zoe.id, but=mine.id)
    assert await listed(database, zoe) == [mine]
    async with database.write() as tx:
        await tx.sessions.end_all(zoe.id)
    assert await listed(database, zoe) == []
    assert await listed(database, other) == [foreign]


async def test_trimming_leaves_room_for_one_more(database: Database, zoe: User) -> None:
    many = [a_session(zoe, created_at=NOW + n * SECOND) for n in range(MAX_SESSIONS_PER_USER + 3)]
    expired = a_session(zoe, created_at=NOW + DAY, expires_at=NOW - SECOND)
    other = a_user("max")
    await kept(database, other)
    await opened(database, expired, *many, a_session(other))
    async with database.write() as tx:
        await tx.sessions.prune(zoe.id, now=NOW)
        assert await tx.sessions.find(expired.id) is None
    assert await listed(database, zoe) == many[::-1][: MAX_SESSIONS_PER_USER - 1]
    assert len(await listed(database, other)) == 1
