"""The last use of sessions in PostgreSQL."""

from datetime import UTC, datetime, timedelta
from typing import TypeAlias

import pytest

from jubilee.adapters.postgres.last_uses import PostgresLastUses, session_uses
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.domain.auth.sessions import Session
from jubilee.domain.identity import SessionId
from tests.contracts.accounts import NOW, add_sessions, add_users, make_session, make_user
from tests.contracts.conftest import Database

LONG_AGO = NOW - timedelta(hours=1)
Uses: TypeAlias = PostgresLastUses[SessionId]

pytestmark = pytest.mark.parametrize("database", ["postgres"], indirect=True)


@pytest.fixture
def uses(pool: ConnectionPool) -> Uses:
    return session_uses(pool)


async def stored(database: Database, **times: object) -> Session:
    zoe = make_user("zoe")
    session = make_session(zoe, **times)
    await add_users(database, zoe)
    await add_sessions(database, session)
    return session


async def seen(database: Database, session: Session) -> Session:
    async with database.write() as tx:
        found: Session = await tx.sessions.find(session.id)
        return found


async def test_the_use_of_a_session_is_stored(database: Database, uses: Uses) -> None:
    session = await stored(database, rotated_at=LONG_AGO)
    await uses.save([session.id])
    assert (await seen(database, session)).last_used_at >= NOW - timedelta(minutes=1)


@pytest.mark.parametrize("name", ["rotated_at", "seen_at"])
async def test_a_use_that_is_known_to_within_minutes_is_not_written_again(
    database: Database, uses: Uses, name: str
) -> None:
    session = await stored(database, **{"rotated_at": LONG_AGO, name: datetime.now(UTC)})
    await uses.save([session.id])
    assert await seen(database, session) == session


async def test_a_session_that_another_transaction_holds_is_left_out(
    database: Database, uses: Uses
) -> None:
    session = await stored(database, rotated_at=LONG_AGO)
    async with database.write() as tx:
        await tx.sessions.find(session.id, lock=True)
        await uses.save([session.id])
    assert (await seen(database, session)).seen_at is None
