"""Rows that refer to missing ones are refused, in memory and in PostgreSQL."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from jubilee.adapters.ids import new_id
from jubilee.domain.auth.tokens import InvalidToken
from jubilee.domain.errors import Conflict
from jubilee.domain.users.user import User
from tests.contracts.account_rows import (
    make_app,
    make_invite,
    make_link,
    make_pending,
    make_token,
    passkey_of,
)
from tests.contracts.accounts import NOW, add_users, make_user
from tests.contracts.conftest import Database
from tests.fakes.identities import make_identity

Add = Callable[[Any, User], Awaitable[object]]
LATER = NOW + timedelta(days=1)
OF_AN_ACCOUNT: dict[str, Add] = {
    "api token": lambda tx, user: tx.api_tokens.add(make_token(user)),
    "authenticator app": lambda tx, user: tx.factors.add(make_app(user)),
    "deletion": lambda tx, user: tx.deletions.add(user.id, LATER),
    "export": lambda tx, user: tx.exports.begin(new_id(), user.id, expires_at=LATER),
    "identity": lambda tx, user: tx.identities.add(make_identity(user.id)),
    "invite": lambda tx, user: tx.invites.add(make_invite(user)),
    "link": lambda tx, user: tx.one_time.add(make_link(user)),
    "passkey": lambda tx, user: tx.passkeys.add(passkey_of(user)),
    "pending sign-in": lambda tx, user: tx.pending_sign_ins.add(make_pending(user), now=NOW),
    "recovery codes": lambda tx, user: tx.recovery_codes.replace(user.id, [b"hash"]),
    "role": lambda tx, user: tx.roles.replace_grants(user.id, ["support"], by=user.id, at=NOW),
}
OF_A_ROLE: dict[str, Add] = {
    "grant": lambda tx, user: tx.roles.replace_grants(user.id, ["absent"], by=user.id, at=NOW),
    "invite": lambda tx, user: tx.invites.add(make_invite(user, role="absent")),
}


async def refuses(database: Database, add: Add, user: User) -> None:
    with pytest.raises((Conflict, InvalidToken)):
        async with database.write() as tx:
            await add(tx, user)


@pytest.mark.parametrize("add", OF_AN_ACCOUNT.values(), ids=OF_AN_ACCOUNT.keys())
async def test_a_row_of_a_missing_account_is_refused(database: Database, add: Add) -> None:
    await refuses(database, add, make_user("gone"))


@pytest.mark.parametrize("add", OF_A_ROLE.values(), ids=OF_A_ROLE.keys())
async def test_a_row_of_a_missing_role_is_refused(database: Database, add: Add) -> None:
    zoe = make_user("zoe")
    await add_users(database, zoe)
    await refuses(database, add, zoe)


async def test_the_token_of_an_invite_is_unique(database: Database) -> None:
    zoe = make_user("zoe")
    await add_users(database, zoe)
    first = make_invite(zoe, "eve")
    async with database.write() as tx:
        await tx.invites.add(first)
    await refuses(
        database,
        lambda tx, user: tx.invites.add(make_invite(user, token_hash=first.token_hash)),
        zoe,
    )


async def test_a_deletion_waits_once(database: Database) -> None:
    zoe = make_user("zoe")
    await add_users(database, zoe)
    async with database.write() as tx:
        await tx.deletions.add(zoe.id, LATER)
    await refuses(database, OF_AN_ACCOUNT["deletion"], zoe)
