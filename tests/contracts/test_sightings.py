"""The last use of sessions in PostgreSQL."""

from datetime import UTC, datetime, timedelta

import pytest

from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.sightings import PostgresSightings
from jubilee.domain.auth.sessions import Session
from tests.contracts.accounts import NOW, add_sessions, add_users, make_session, make_user
from tests.contracts.conftest import Database

LONG_AGO = NOW - timedelta(hours=1)

pytestmark = pytest.mark.parametrize("database", ["postgres"], indirect=True)


@pytest.fixture
def sightings(pool: ConnectionPool) -> PostgresSightings:
    return PostgresSightings(pool)


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


async def test_the_use_of_a_session_is_stored(
    database: Database, sightings: PostgresSightings
) -> None:
    session = await stored(database, rotated_at=LONG_AGO)
    await sightings.save([session.id])
    assert (await seen(database, session)).last_used_at >= NOW - timedelta(minutes=1)


@pytest.mark.parametrize("name", ["rotated_at", "seen_at"])
async def test_a_use_that_is_known_to_within_minutes_is_not_written_again(
    database: Database, sightings: PostgresSightings, name: str
) -> None:
    session = await stored(database, **{"rotated_at": LONG_AGO, name: datetime.now(UTC)})
    await sightings.save([session.id])
    assert await seen(database, session) == session


async def test_a_session_that_another_transaction_holds_is_left_out(
    database: Database, sightings: PostgresSightings
) -> None:
    session = await stored(database, rotated_at=LONG_AGO)
    async with database.write() as tx:
        await tx.sessions.find(session.id, lock=True)
        await sightings.save([session.id])
    assert (await seen(database, session)).seen_at is None
