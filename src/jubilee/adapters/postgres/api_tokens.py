"""API tokens; a deleted one is not found."""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from asyncpg import Record
from sqlalchemy import (
    ColumnElement,
    Integer,
    and_,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
)

from jubilee.adapters.postgres.core_statement import core_statement
from jubilee.adapters.postgres.keyset import is_after, last_key, page
from jubilee.adapters.postgres.rights import may_sign_in, parse_rights, rights_of
from jubilee.adapters.postgres.statement import Executor, Statement
from jubilee.adapters.postgres.tables import api_tokens, users
from jubilee.domain.api_tokens.token import (
    LAST_USE_PRECISION,
    MAX_GRANTED_TOKENS,
    ApiToken,
    ApiTokenId,
    ApiTokenReader,
    ApiTokenRepository,
    ApiTokenUse,
)
from jubilee.domain.identity import Credential, Principal, UserId
from jubilee.domain.paging import Page, Position
from jubilee.domain.scopes import TOKEN_SCOPES, Scope

OWN = api_tokens.c.user_id == bindparam("user_id", type_=api_tokens.c.user_id.type)
IS_STALE = or_(
    api_tokens.c.last_used_at.is_(None),
    api_tokens.c.last_used_at < func.now() - LAST_USE_PRECISION,
)

CHECK = core_statement(
    select(
        api_tokens.c.id,
        api_tokens.c.user_id,
        api_tokens.c.scopes,
        IS_STALE.label("is_stale"),
        users.c.is_superuser,
        rights_of(users).label("rights"),
    )
    .join(users, users.c.id == api_tokens.c.user_id)
    .where(
        api_tokens.c.token_hash == bindparam("token_hash"),
        api_tokens.c.expires_at > func.now(),
        may_sign_in(users),
    )
)
ADD = core_statement(insert(api_tokens))
LISTED = and_(OWN, ~api_tokens.c.is_granted)
COUNT = core_statement(select(func.count().label("found")).where(LISTED))
SURPLUS = (
    select(api_tokens.c.id)
    .where(OWN, api_tokens.c.is_granted)
    .order_by(api_tokens.c.created_at.desc(), api_tokens.c.id.desc())
    .offset(MAX_GRANTED_TOKENS - 1)
)
PRUNE_GRANTED = core_statement(delete(api_tokens).where(OWN, api_tokens.c.id.in_(SURPLUS)))
DROP_EXPIRED = core_statement(
    delete(api_tokens).where(
        and_(OWN, api_tokens.c.expires_at <= bindparam("at", type_=api_tokens.c.expires_at.type))
    )
)
DELETE = core_statement(
    delete(api_tokens)
    .where(OWN, api_tokens.c.id == bindparam("token_id", type_=api_tokens.c.id.type))
    .returning(api_tokens.c.id)
)
DELETE_OF = core_statement(delete(api_tokens).where(OWN).returning(api_tokens.c.id))


@lru_cache(maxsize=2)
def page_statement(*, continued: bool) -> Statement:
    """Statement of a page; binds `user_id` and `rows`, and `last` and `last_id` if continued."""
    chosen: list[ColumnElement[bool]] = [LISTED]
    if continued:
        chosen.append(is_after(api_tokens.c.created_at, api_tokens.c.id, falling=True))
    newest = (api_tokens.c.created_at.desc(), api_tokens.c.id.desc())
    found = select(api_tokens).where(*chosen).order_by(*newest)
    return core_statement(found.limit(bindparam("rows", type_=Integer)))


@dataclass(frozen=True, slots=True)
class PostgresApiTokens(ApiTokenReader, ApiTokenRepository):
    """Reads and writes tokens, by the hashes of their texts."""

    executor: Executor

    async def check(self, token_hash: bytes) -> ApiTokenUse | None:
        row = await self.executor.first(CHECK, token_hash=token_hash)
        return None if row is None else _use(row)

    async def page(self, user_id: UserId, *, after: Position | None, limit: int) -> Page[ApiToken]:
        statement = page_statement(continued=after is not None)
        last = last_key(api_tokens.c.created_at, after)
        rows = await self.executor.all(statement, user_id=user_id, rows=limit + 1, **last)
        found = [_token(row) for row in rows[:limit]]
        return page(found, lambda token: (token.created_at, token.id), more=len(rows) > limit)

    async def add(self, token: ApiToken) -> None:
        names = ApiToken.__dataclass_fields__.keys() - {"scopes"}
        values = {name: getattr(token, name) for name in names}
        await self.executor.run(ADD, scopes=sorted(token.scopes), **values)

    async def count(self, user_id: UserId) -> int:
        row = await self.executor.first(COUNT, user_id=user_id)
        assert row is not None
        return int(row["found"])

    async def drop_expired(self, user_id: UserId, *, now: datetime) -> None:
        await self.executor.run(DROP_EXPIRED, user_id=user_id, at=now)

    async def prune_granted(self, user_id: UserId) -> None:
        await self.executor.run(PRUNE_GRANTED, user_id=user_id)

    async def delete(self, token_id: ApiTokenId, *, user_id: UserId) -> bool:
        found = await self.executor.first(DELETE, token_id=token_id, user_id=user_id)
        return found is not None

    async def delete_of(self, user_id: UserId) -> int:
        return len(await self.executor.all(DELETE_OF, user_id=user_id))


def _use(row: Record) -> ApiTokenUse:
    scopes = scopes_of(row)
    principal = Principal(
        row["user_id"],
        None,
        is_admin=row["is_superuser"] and Scope.ADMIN in scopes,
        credential=Credential.API_TOKEN,
        scopes=scopes,
        rights=parse_rights(row["rights"]),
    )
    return ApiTokenUse(principal, row["id"], row["is_stale"])


def scopes_of(row: Record) -> frozenset[Scope]:
    """Return the scopes of a row that this release knows."""
    return _scopes(tuple(row["scopes"]))


@lru_cache(maxsize=256)
def _scopes(names: tuple[str, ...]) -> frozenset[Scope]:
    """Return the scopes of these names; those of another release are left out."""
    return frozenset(scope for scope in TOKEN_SCOPES if scope.value in names)


def _token(row: Record) -> ApiToken:
    names = ApiToken.__dataclass_fields__.keys() - {"scopes"}
    return ApiToken(scopes=scopes_of(row), **{name: row[name] for name in names})
