"""Parallel requests that create and delete tokens of one account, in PostgreSQL."""

import asyncio
from datetime import timedelta
from secrets import token_bytes

import pytest

from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.domain.api_tokens.service import ApiTokenRules, ApiTokenService, NewApiToken
from jubilee.domain.api_tokens.text import SECRET_BYTES
from jubilee.domain.api_tokens.token import ApiTokenNotFound, TooManyApiTokens
from jubilee.domain.identity import Principal, SessionId
from jubilee.domain.scopes import Scope
from jubilee.domain.users.user import User
from tests.contracts.accounts import NOW, add_users, make_user
from tests.contracts.test_retention import make_database

AT_ONCE = 10
MAXIMUM = 3
NEW = NewApiToken(name="backup", scopes=frozenset({Scope.ITEMS_READ}))
RULES = ApiTokenRules(
    timedelta(days=1), timedelta(days=1), MAXIMUM, lambda: token_bytes(SECRET_BYTES)
)


@pytest.fixture
def tokens(pool: ConnectionPool) -> ApiTokenService:
    database = make_database(pool)
    return ApiTokenService(database.write, database.read, RULES, lambda: NOW, new_id)


@pytest.fixture
async def zoe(pool: ConnectionPool) -> User:
    user = make_user("zoe")
    await add_users(make_database(pool), user)
    return user


@pytest.fixture
def by(zoe: User) -> Principal:
    return Principal(zoe.id, SessionId(new_id()))


async def test_parallel_creations_keep_the_maximum_number_of_tokens(
    tokens: ApiTokenService, by: Principal
) -> None:
    creations = (tokens.create(NEW, owner=by.user_id, by=by) for _ in range(AT_ONCE))
    found = await asyncio.gather(*creations, return_exceptions=True)
    refused = [one for one in found if isinstance(one, TooManyApiTokens)]
    assert len(refused) == AT_ONCE - MAXIMUM
    page = await tokens.list(owner=by.user_id, by=by, after=None, limit=AT_ONCE)
    assert len(page.rows) == MAXIMUM


async def test_one_of_parallel_deletions_succeeds(tokens: ApiTokenService, by: Principal) -> None:
    issued = await tokens.create(NEW, owner=by.user_id, by=by)
    token_id, owner = issued.token.id, by.user_id
    deletions = (tokens.delete(token_id, owner=owner, by=by) for _ in range(AT_ONCE))
    found = await asyncio.gather(*deletions, return_exceptions=True)
    assert [type(one) for one in found if one is not None] == [ApiTokenNotFound] * (AT_ONCE - 1)
    assert await tokens.authenticate(issued.text) is None


async def test_parallel_grants_are_all_valid(tokens: ApiTokenService, zoe: User) -> None:
    lifetime, scopes = timedelta(minutes=30), frozenset({Scope.ITEMS_READ})
    grants = (tokens.grant(zoe.id, scopes, lifetime=lifetime) for _ in range(AT_ONCE))
    issued = await asyncio.gather(*grants)
    callers = [await tokens.authenticate(one.text) for one in issued]
    assert {caller.user_id for caller in callers if caller is not None} == {zoe.id}
    assert None not in callers
