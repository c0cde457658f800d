"""Accounts and sessions for the contract tests; times are close to the database's clock."""

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
ONE_USER = """
    INSERT INTO users (id, email, email_key, is_active, is_superuser, birthday_greeting,
                       created_at, updated_at)
    VALUES ($1, $2, $2, true, false, true, now(), now())
"""
"""An account with this id and address."""

MANY_USERS = """
    INSERT INTO users (id, email, email_key, is_active, is_superuser, birthday_greeting,
                       created_at, updated_at)
    SELECT gen_random_uuid(), n, n, true, false, true, now(), now()
    FROM generate_series(1, CAST($1 AS integer)) AS n
"""
"""So many accounts, whose addresses are their numbers from 1 on."""


def make_user(name: str = "zoe", **more: Any) -> User:
    """Return a user with the address `<name>@example.com` and without a username."""
    values = {"email": f"{name}@example.com", "created_at": NOW, "updated_at": NOW, **more}
    return User(id=UserId(new_id()), **values)


def make_session(user: User, **more: Any) -> Session:
    """Return a session opened now that expires in a day."""
    values = {
        "id": SessionId(new_id()),
        "user_id": user.id,
        "generation": 1,
        "token_hash": b"t" * 32,
        "rotated_at": NOW,
        "expires_at": NOW + DAY,
        "created_at": NOW,
        "client": ClientInfo("192.0.2.7", "test"),
    }
    return Session(**{**values, **more})


async def add_users(database: Database, *users: User) -> None:
    """Store the accounts."""
    async with database.write() as tx:
        for user in users:
            await tx.users.add(user)


async def add_sessions(database: Database, *sessions: Session) -> None:
    """Store the sessions."""
    async with database.write() as tx:
        for session in sessions:
            await tx.sessions.add(session)


class ForcedRollback(Exception):
    """Raised to roll a transaction back."""


async def roll_back_after(database: Database, work: Callable[[Any], Awaitable[None]]) -> None:
    """Do the work in a transaction and roll it back by raising ForcedRollback."""
    async with database.write() as tx:
        await work(tx)
        raise ForcedRollback
