"""Service accounts: rows beside those of `users`."""

from dataclasses import dataclass
from functools import lru_cache

from asyncpg import Record
from sqlalchemy import ColumnElement, Integer, bindparam, insert, select, update

from jubilee.adapters.postgres.api_tokens import scopes_of
from jubilee.adapters.postgres.core_statement import core_statement
from jubilee.adapters.postgres.keyset import is_after, last_key, page
from jubilee.adapters.postgres.rights import may_sign_in
from jubilee.adapters.postgres.statement import Executor, Statement
from jubilee.adapters.postgres.tables import service_accounts, users
from jubilee.domain.identity import UserId
from jubilee.domain.paging import Page, Position
from jubilee.domain.service_accounts.account import (
    ServiceAccount,
    ServiceAccountRepository,
)

BY_ID = service_accounts.c.id == bindparam("account_id", type_=service_accounts.c.id.type)
ALL = select(service_accounts, may_sign_in(users).label("is_active")).join(
    users, users.c.id == service_accounts.c.id
)
FIND = core_statement(ALL.where(BY_ID))
COLUMNS = ["id", "name", "owner_id", "scopes", "secret_hash", "created_at"]
ADD = core_statement(insert(service_accounts), columns=COLUMNS)
REPLACE_SECRET = core_statement(update(service_accounts).where(BY_ID), columns=["secret_hash"])


@lru_cache(maxsize=2)
def page_statement(*, continued: bool) -> Statement:
    """Statement of a page; binds `rows`, and `last` and `last_id` if continued."""
    created_at, row_id = service_accounts.c.created_at, service_accounts.c.id
    chosen: list[ColumnElement[bool]] = []
    if continued:
        chosen.append(is_after(created_at, row_id, falling=True))
    found = ALL.where(*chosen).order_by(created_at.desc(), row_id.desc())
    return core_statement(found.limit(bindparam("rows", type_=Integer)))


@dataclass(frozen=True, slots=True)
class PostgresServiceAccounts(ServiceAccountRepository):
    """Reads and writes service accounts."""

    executor: Executor

    async def find(self, account_id: UserId) -> ServiceAccount | None:
        row = await self.executor.first(FIND, account_id=account_id)
        return None if row is None else _account(row)

    async def page(self, *, after: Position | None, limit: int) -> Page[ServiceAccount]:
        statement = page_statement(continued=after is not None)
        last = last_key(service_accounts.c.created_at, after)
        rows = await self.executor.all(statement, rows=limit + 1, **last)
        found = [_account(row) for row in rows[:limit]]
        return page(found, lambda one: (one.created_at, one.id), more=len(rows) > limit)

    async def add(self, account: ServiceAccount) -> None:
        values = {name: getattr(account, name) for name in COLUMNS}
        await self.executor.run(ADD, **{**values, "scopes": sorted(account.scopes)})

    async def replace_secret(self, account_id: UserId, secret_hash: bytes) -> None:
        await self.executor.run(REPLACE_SECRET, account_id=account_id, secret_hash=secret_hash)


def _account(row: Record) -> ServiceAccount:
    names = ServiceAccount.__dataclass_fields__.keys() - {"scopes"}
    return ServiceAccount(scopes=scopes_of(row), **{name: row[name] for name in names})
