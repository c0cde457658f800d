"""API tokens, in memory and in PostgreSQL."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres import api_tokens, last_uses, retention
from jubilee.adapters.postgres.last_uses import token_uses
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.retention import PostgresExpiredRows
from jubilee.adapters.postgres.statement import Statement
from jubilee.domain.api_tokens.token import ApiToken, ApiTokenId, ApiTokenUse
from jubilee.domain.auth.tokens import InvalidToken
from jubilee.domain.identity import Credential, Principal
from jubilee.domain.retention import API_TOKENS_KEPT, ExpiringData
from jubilee.domain.scopes import Scope
from jubilee.domain.users.user import User
from tests.contracts.account_rows import make_token
from tests.contracts.accounts import DAY, MANY_USERS, NOW, add_users, make_user
from tests.contracts.conftest import Database
from tests.contracts.test_retention import make_database
from tests.fakes.store import FakeClock

ROWS = """
    INSERT INTO api_tokens
    SELECT gen_random_uuid(), id, 'x', sha256((email || n)::bytea), '{}', now(),
           now() + interval '1 day', NULL, false
    FROM users, generate_series(1, 5) AS n;
    ANALYZE;
    SET enable_seqscan = off
"""
ID = new_id()
BY_OWNER = "ix_api_tokens_user_id_created_at_id"
PLANS: list[tuple[str, Statement, dict[str, object]]] = [
    ("uq_api_tokens_token_hash", api_tokens.CHECK, {"token_hash": b"h"}),
    (BY_OWNER, api_tokens.page_statement(continued=False), {"user_id": ID, "rows": 21}),
    (
        BY_OWNER,
        api_tokens.page_statement(continued=True),
        {"user_id": ID, "rows": 21, "last": NOW, "last_id": ID},
    ),
    (BY_OWNER, api_tokens.COUNT, {"user_id": ID}),
    (BY_OWNER, api_tokens.DELETE_OF, {"user_id": ID}),
    ("pk_api_tokens", api_tokens.DELETE, {"user_id": ID, "token_id": ID}),
    ("pk_api_tokens", last_uses.SAVE_TOKENS, {"ids": [ID]}),
    (
        "ix_api_tokens_expires_at",
        retention.DELETE[ExpiringData.API_TOKENS],
        {"kept": API_TOKENS_KEPT, "rows": 9},
    ),
]


@pytest.fixture
def clock() -> FakeClock:
    """The current time, since the database's clock ends tokens too."""
    return FakeClock(datetime.now(UTC))


@pytest.fixture
async def zoe(database: Database) -> User:
    user = make_user("zoe")
    await add_users(database, user)
    return user


async def add(database: Database, *tokens: ApiToken) -> None:
    async with database.write() as tx:
        for token in tokens:
            await tx.api_tokens.add(token)


async def check(database: Database, token: ApiToken) -> ApiTokenUse | None:
    async with database.read() as view:
        use: ApiTokenUse | None = await view.api_tokens.check(token.token_hash)
        return use


async def list_all(database: Database, user: User) -> list[ApiToken]:
    async with database.read() as view:
        return list((await view.api_tokens.page(user.id, after=None, limit=100)).rows)


async def test_a_valid_token_gives_its_principal_without_a_session(
    database: Database, zoe: User
) -> None:
    token = make_token(zoe)
    await add(database, token)
    use = await check(database, token)
    expected = Principal(zoe.id, None, credential=Credential.API_TOKEN, scopes=token.scopes)
    assert use == ApiTokenUse(expected, token.id, is_stale=True)


@pytest.mark.parametrize("scope", [Scope.ADMIN, Scope.ITEMS_READ])
async def test_the_token_of_an_admin_has_the_rights_of_one_by_its_scope(
    database: Database, scope: Scope
) -> None:
    ada = make_user("ada", is_superuser=True)
    await add_users(database, ada)
    token = make_token(ada, scopes=frozenset({scope}))
    await add(database, token)
    use = await check(database, token)
    assert use is not None
    assert use.principal.is_admin == (scope is Scope.ADMIN)


async def test_check_30_an_expired_deleted_or_unknown_token_gives_none(
    database: Database, zoe: User
) -> None:
    expired, deleted = make_token(zoe, expires_at=NOW - DAY), make_token(zoe)
    await add(database, expired, deleted)
    async with database.write() as tx:
        assert await tx.api_tokens.delete(deleted.id, user_id=zoe.id)
        assert not await tx.api_tokens.delete(deleted.id, user_id=zoe.id)
    for token in (expired, deleted, make_token(zoe)):
        assert await check(database, token) is None


async def test_the_token_of_a_disabled_account_gives_none(database: Database, zoe: User) -> None:
    token = make_token(zoe)
    await add(database, token)
    async with database.write() as tx:
        await tx.users.save(replace(zoe, is_active=False))
    assert await check(database, token) is None


async def test_tokens_are_listed_in_pages_newest_first(database: Database, zoe: User) -> None:
    other = make_user("max")
    await add_users(database, other)
    tokens = [make_token(zoe, created_at=NOW + n * DAY) for n in range(3)]
    await add(database, *tokens, make_token(other))
    async with database.read() as view:
        first = await view.api_tokens.page(zoe.id, after=None, limit=2)
        last = await view.api_tokens.page(zoe.id, after=first.after, limit=2)
    assert [*first.rows, *last.rows] == tokens[::-1]
    assert last.after is None


async def test_the_tokens_of_one_account_are_counted_and_dropped(
    database: Database, zoe: User
) -> None:
    other = make_user("max")
    await add_users(database, other)
    expired, valid, foreign = make_token(zoe, expires_at=NOW), make_token(zoe), make_token(other)
    await add(database, expired, valid, foreign)
    async with database.write() as tx:
        assert await tx.api_tokens.count(zoe.id) == 2
        await tx.api_tokens.drop_expired(zoe.id, now=NOW)
        assert await tx.api_tokens.count(zoe.id) == 1
        assert not await tx.api_tokens.delete(valid.id, user_id=other.id)
        assert await tx.api_tokens.delete_of(zoe.id) == 1
    assert await list_all(database, zoe) == []
    assert await list_all(database, other) == [foreign]


async def test_a_token_of_a_deleted_account_is_refused_and_gone(
    database: Database, zoe: User
) -> None:
    token = make_token(zoe)
    await add(database, token)
    async with database.write() as tx:
        await tx.users.delete(zoe.id)
    assert await check(database, token) is None
    with pytest.raises(InvalidToken):
        await add(database, make_token(zoe))


async def test_a_last_use_is_stored_and_then_out_of_date_after_minutes(
    pool: ConnectionPool,
) -> None:
    database, zoe = make_database(pool), make_user("zoe")
    await add_users(database, zoe)
    used, unused = make_token(zoe), make_token(zoe)
    await add(database, used, unused)
    await token_uses(pool).save([used.id, ApiTokenId(new_id())])
    uses = [await check(database, token) for token in (used, unused)]
    assert [use is not None and use.is_stale for use in uses] == [False, True]
    async with pool.connection() as driver:
        await driver.execute("UPDATE api_tokens SET last_used_at = now() - interval '6 minutes'")
    use = await check(database, used)
    assert use is not None
    assert use.is_stale


async def test_tokens_are_swept_a_month_after_their_expiry(pool: ConnectionPool) -> None:
    database, zoe = make_database(pool), make_user("zoe")
    await add_users(database, zoe)
    ages = (timedelta(days=29), timedelta(days=31))
    await add(database, *(make_token(zoe, expires_at=NOW - age) for age in ages))
    rows = PostgresExpiredRows(pool)
    assert await rows.drop(ExpiringData.API_TOKENS, kept=API_TOKENS_KEPT, limit=9) == 1
    assert len(await list_all(database, zoe)) == 1


async def test_every_statement_uses_its_index(pool: ConnectionPool) -> None:
    async with pool.connection() as driver:
        await driver.execute(MANY_USERS, 3000)
        await driver.execute(ROWS)
        for index, statement, values in PLANS:
            sql = f"EXPLAIN {statement.sql}"
            rows: list[Any] = await driver.fetch(sql, *statement.arguments(values))
            plan = "\n".join(row[0] for row in rows)
            assert index in plan, plan
