"""Accounts and sessions for the contracts; moments are near the database's own now."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from jubilee.adapters.ids import new_id
from jubilee.domain.auth.sessions import ClientInfo, Session
from jubilee.domain.identity import SessionId, UserId
from jubilee.domain.users.user import User
from tests.contracts.conftest import Database

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


def a_user(name: str = "zoe", **more: Any) -> User:
    """`zoe@example.com`, who has no username unless it is named."""
    given = {"email": f"{name}@example.com", "created_at": NOW, "updated_at": NOW, **more}
    return User(id=UserId(new_id()), **given)


def a_session(user: User, **more: Any) -> Session:
    """Opened now, and good for a day."""
    given = {
        "id": SessionId(new_id()),
        "user_id": user.id,
        "generation": 1,
        "token_hash": b"t" * 32,
        "rotated_at": NOW,
        "expires_at": NOW + DAY,
        "created_at": NOW,
        "client": ClientInfo("192.0.2.7", "test"),
    }
    return Session(**{**given, **more})


async def kept(database: Database, *users: User) -> None:
    """Write the accounts."""
    async with database.write() as tx:
        for user in users:
            await tx.users.add(user)


async def opened(database: Database, *sessions: Session) -> None:
    """Write the sessions."""
    async with database.write() as tx:
        for session in sessions:
            await tx.sessions.add(session)


class BrokenOff(Exception):
    """A transaction fails at its end."""


async def broken_off(database: Database, work: Callable[[Any], Awaitable[None]]) -> None:
    """Do the work in a transaction that then fails; raises BrokenOff."""
    async with database.write() as tx:
        await work(tx)
        raise BrokenOff
