"""Service accounts, in memory and in PostgreSQL."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres import service_accounts
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.statement import Statement
from jubilee.domain.api_tokens.token import MAX_GRANTED_TOKENS
from jubilee.domain.identity import UserId
from jubilee.domain.scopes import Scope
from jubilee.domain.service_accounts.account import ServiceAccount
from jubilee.domain.users.user import SERVICE_DOMAIN, User
from tests.contracts.account_rows import make_token
from tests.contracts.accounts import DAY, MANY_USERS, NOW, add_users, make_user
from tests.contracts.conftest import Database
from tests.contracts.test_api_tokens import add, check, list_all
from tests.fakes.store import FakeClock

ROWS = """
    INSERT INTO service_accounts
    SELECT id, 'x', NULL, '{}', 'x', now() FROM users;
    ANALYZE;
    SET enable_seqscan = off
"""
PLANS: list[tuple[str, Statement, dict[str, object]]] = [
    ("pk_service_accounts", service_accounts.FIND, {"account_id": new_id()}),
    (
        "ix_service_accounts_created_at_id",
        service_accounts.page_statement(continued=True),
        {"rows": 21, "last": NOW, "last_id": new_id()},
    ),
    (
        "ix_service_accounts_owner_id",
        Statement.from_sql("UPDATE service_accounts SET owner_id = NULL WHERE owner_id = :owner"),
        {"owner": new_id()},
    ),
]


@pytest.fixture
def clock() -> FakeClock:
    """The current time, since the database's clock ends tokens too."""
    return FakeClock(datetime.now(UTC))


@pytest.fixture
async def ada(database: Database) -> User:
    user = make_user("ada", is_superuser=True)
    await add_users(database, user)
    return user


async def add_machine(database: Database, owner: User, **more: Any) -> ServiceAccount:
    """Add a service account with its account."""
    account_id = UserId(new_id())
    email = f"{account_id}@{SERVICE_DOMAIN}"
    values = {"id": account_id, "name": "import", "owner_id": owner.id, "created_at": NOW}
    scopes = {"scopes": frozenset({Scope.ITEMS_READ}), "secret_hash": b"s" * 32}
    account = ServiceAccount(**{**values, **scopes, **more})
    async with database.write() as tx:
        await tx.users.add(replace(make_user(), id=account_id, email=email))
        await tx.service_accounts.add(account)
    return account


async def find(database: Database, account: ServiceAccount) -> ServiceAccount | None:
    async with database.read() as view:
        found: ServiceAccount | None = await view.service_accounts.find(account.id)
        return found


async def test_a_service_account_is_read_unchanged(database: Database, ada: User) -> None:
    machine = await add_machine(database, ada)
    assert await find(database, machine) == machine
    assert await find(database, replace(machine, id=UserId(new_id()))) is None
    assert machine.secret_hash.decode() not in repr(machine)


async def test_service_accounts_are_listed_in_pages_newest_first(
    database: Database, ada: User
) -> None:
    made = [await add_machine(database, ada, created_at=NOW + n * DAY) for n in range(3)]
    async with database.read() as view:
        first = await view.service_accounts.page(after=None, limit=2)
        last = await view.service_accounts.page(after=first.after, limit=2)
    assert [*first.rows, *last.rows] == made[::-1]
    assert last.after is None


async def test_a_secret_is_replaced(database: Database, ada: User) -> None:
    machine = await add_machine(database, ada)
    async with database.write() as tx:
        await tx.service_accounts.replace_secret(machine.id, b"n" * 32)
    assert await find(database, machine) == replace(machine, secret_hash=b"n" * 32)


async def test_a_service_account_outlives_its_owner_and_ends_with_its_account(
    database: Database, ada: User
) -> None:
    machine = await add_machine(database, ada)
    async with database.write() as tx:
        await tx.users.delete(ada.id)
    assert await find(database, machine) == replace(machine, owner_id=None)
    async with database.write() as tx:
        await tx.users.delete(machine.id)
    assert await find(database, machine) is None


async def test_granted_tokens_are_bounded_and_not_listed(database: Database, ada: User) -> None:
    second = timedelta(seconds=1)
    granted = [
        make_token(ada, is_granted=True, created_at=NOW + n * second)
        for n in range(MAX_GRANTED_TOKENS + 1)
    ]
    created = make_token(ada, created_at=NOW - DAY)
    await add(database, created, *granted)
    async with database.write() as tx:
        assert await tx.api_tokens.count(ada.id) == 1
        await tx.api_tokens.prune_granted(ada.id)
    assert await list_all(database, ada) == [created]
    assert [await check(database, token) for token in granted[:2]] == [None, None]
    assert await check(database, granted[2]) is not None


async def test_every_statement_uses_its_index(pool: ConnectionPool) -> None:
    async with pool.connection() as driver:
        await driver.execute(MANY_USERS, 3000)
        await driver.execute(ROWS)
        for index, statement, values in PLANS:
            sql = f"EXPLAIN {statement.sql}"
            rows: list[Any] = await driver.fetch(sql, *statement.arguments(values))
            plan = "\n".join(row[0] for row in rows)
            assert index in plan, plan
