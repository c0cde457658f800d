"""Sessions, in memory and in PostgreSQL."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from jubilee.adapters.ids import new_id
from jubilee.domain.auth.sessions import MAX_SESSIONS_PER_USER, ClientInfo, Session
from jubilee.domain.auth.tokens import TokenClaims
from jubilee.domain.identity import Principal, SessionId
from jubilee.domain.scopes import Scope
from jubilee.domain.users.user import User
from tests.contracts.accounts import DAY, NOW, add_sessions, add_users, make_session, make_user
from tests.contracts.conftest import Database
from tests.fakes.store import FakeClock

SECOND = timedelta(seconds=1)


@pytest.fixture
def clock() -> FakeClock:
    """The current time, since the database's clock ends sessions too."""
    return FakeClock(datetime.now(UTC))


@pytest.fixture
async def zoe(database: Database) -> User:
    user = make_user("zoe")
    await add_users(database, user)
    return user


async def check(database: Database, session: Session, **other: object) -> Principal | None:
    claims = replace(TokenClaims(session.user_id, session.id), **other)  # type: ignore[arg-type]  # the test says which
    async with database.read() as view:
        principal: Principal | None = await view.sessions.check(claims)
        return principal


async def list_sessions(database: Database, user: User) -> list[Session]:
    async with database.read() as view:
        return list(await view.sessions.list_for(user.id))


async def test_a_session_is_read_unchanged(database: Database, zoe: User) -> None:
    session = make_session(zoe, previous_hash=b"p" * 32, client=ClientInfo(None, "käse 🧀"))
    await add_sessions(database, session)
    async with database.write() as tx:
        for lock in (False, True):
            assert await tx.sessions.find(session.id, lock=lock) == session
            assert await tx.sessions.find(SessionId(new_id()), lock=lock) is None


async def test_a_live_session_gives_its_principal(database: Database, zoe: User) -> None:
    session = make_session(zoe)
    await add_sessions(database, session)
    assert await check(database, session) == Principal(zoe.id, session.id)
    async with database.write() as tx:
        await tx.users.save(replace(zoe, is_superuser=True))
    every = frozenset(Scope)
    admin = Principal(zoe.id, session.id, is_admin=True, rights=every)
    assert await check(database, session) == admin


async def test_the_principal_has_the_last_proof_of_its_session(
    database: Database, zoe: User
) -> None:
    session, other = make_session(zoe, proved_at=NOW - DAY), make_session(zoe)
    await add_sessions(database, session, other)
    assert await check(database, session) == Principal(zoe.id, session.id, proved_at=NOW - DAY)
    async with database.write() as tx:
        await tx.sessions.prove(session.id, at=NOW)
    assert await check(database, session) == Principal(zoe.id, session.id, proved_at=NOW)
    assert await check(database, other) == Principal(zoe.id, other.id)


async def test_a_session_is_valid_only_for_its_own_account(database: Database, zoe: User) -> None:
    other, session = make_user("max", is_superuser=True), make_session(zoe)
    await add_users(database, other)
    await add_sessions(database, session)
    assert await check(database, session, user_id=other.id) is None
    assert await check(database, session, session_id=SessionId(new_id())) is None


async def test_an_expired_session_or_a_disabled_account_gives_no_principal(
    database: Database, zoe: User
) -> None:
    expired, live = make_session(zoe, expires_at=NOW - SECOND), make_session(zoe)
    await add_sessions(database, expired, live)
    assert await check(database, expired) is None
    async with database.write() as tx:
        await tx.users.save(replace(zoe, is_active=False))
    assert await check(database, live) is None


async def test_live_sessions_of_an_account_are_listed_newest_first(
    database: Database, zoe: User
) -> None:
    other = make_user("max")
    await add_users(database, other)
    old, new = make_session(zoe, created_at=NOW - DAY), make_session(zoe)
    expired = make_session(zoe, expires_at=NOW - SECOND)
    await add_sessions(database, old, new, expired, make_session(other))
    assert await list_sessions(database, zoe) == [new, old]


async def test_saving_a_session_writes_its_rotation(database: Database, zoe: User) -> None:
    session = make_session(zoe)
    rotated = replace(
        session,
        generation=2,
        token_hash=b"n" * 32,
        previous_hash=session.token_hash,
        rotated_at=NOW + SECOND,
        expires_at=NOW + 2 * DAY,
    )
    await add_sessions(database, session)
    async with database.write() as tx:
        await tx.sessions.save(rotated)
    assert await list_sessions(database, zoe) == [rotated]


async def test_a_session_is_ended_once_by_its_account(database: Database, zoe: User) -> None:
    other, session = make_user("max"), make_session(zoe)
    await add_users(database, other)
    await add_sessions(database, session)
    async with database.write() as tx:
        assert not await tx.sessions.end(session.id, user_id=other.id)
        assert await tx.sessions.end(session.id, user_id=zoe.id)
        assert not await tx.sessions.end(session.id, user_id=zoe.id)
    assert await check(database, session) is None


async def test_all_sessions_of_an_account_but_one_are_ended(database: Database, zoe: User) -> None:
    other = make_user("max")
    await add_users(database, other)
    first, second, foreign = make_session(zoe), make_session(zoe), make_session(other)
    await add_sessions(database, first, second, foreign)
    async with database.write() as tx:
        await tx.sessions.end_all(zoe.id, but=first.id)
    assert await list_sessions(database, zoe) == [first]
    async with database.write() as tx:
        await tx.sessions.end_all(zoe.id)
    assert await list_sessions(database, zoe) == []
    assert await list_sessions(database, other) == [foreign]


async def test_pruning_leaves_room_for_one_more_session(database: Database, zoe: User) -> None:
    many = [
        make_session(zoe, created_at=NOW + n * SECOND) for n in range(MAX_SESSIONS_PER_USER + 3)
    ]
    expired = make_session(zoe, created_at=NOW + DAY, expires_at=NOW - SECOND)
    other = make_user("max")
    await add_users(database, other)
    await add_sessions(database, expired, *many, make_session(other))
    async with database.write() as tx:
        await tx.sessions.prune(zoe.id, now=NOW)
        assert await tx.sessions.find(expired.id) is None
    assert await list_sessions(database, zoe) == many[::-1][: MAX_SESSIONS_PER_USER - 1]
    assert len(await list_sessions(database, other)) == 1
