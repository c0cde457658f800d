"""Accounts: rows of `users` and `birthdays`."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

from asyncpg import Record
from sqlalchemy import (
    ColumnElement,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from jubilee.adapters.postgres.account_birthdays import AccountBirthdays
from jubilee.adapters.postgres.answers import PostgresAnswers
from jubilee.adapters.postgres.core_statement import core_statement, keyed_statement
from jubilee.adapters.postgres.keyset import is_after, last_key, page
from jubilee.adapters.postgres.rights import may_sign_in
from jubilee.adapters.postgres.search import Looks, first_found, query
from jubilee.adapters.postgres.statement import Executor, Statement
from jubilee.adapters.postgres.tables import USER_TEXT, birthdays, identities, users
from jubilee.domain.identity import NewId, UserId, name_key
from jubilee.domain.paging import Page, Position
from jubilee.domain.users.ports import UserReader, UserRepository
from jubilee.domain.users.user import User, UserNotFound

# The birthday is also written under its name, without the row of the account.
UPDATED_AT = func.greatest(users.c.updated_at, birthdays.c.updated_at).label("updated_at")
# Not evaluated for accounts without an identity, which have no provider.
IDENTITIES = (
    select(identities.c.provider)
    .where(identities.c.user_id == users.c.id)
    .order_by(identities.c.created_at, identities.c.id)
    .correlate(users)
    .scalar_subquery()
)
ACCOUNT = select(
    *(column for column in users.c if column is not users.c.updated_at),
    UPDATED_AT,
    birthdays.c.date_of_birth,
    birthdays.c.time_zone,
    case((users.c.oauth_provider.is_not(None), func.array(IDENTITIES))).label("identities"),
).join(birthdays, birthdays.c.user_id == users.c.id)
GET = keyed_statement(ACCOUNT, key=users.c.id)
# Not the key: rows that refer to the account may be added and deleted meanwhile. The birthday, too:
# `PUT /hello` writes it, and saving the account must not undo that.
LOCK = core_statement(
    ACCOUNT.where(users.c.id == bindparam("user_id")).with_for_update(
        of=[users, birthdays], key_share=True
    )
)
# The key, too: inserts of rows that refer to the account wait, and fail once it is deleted.
BLOCK_NEW_ROWS = core_statement(
    select(users.c.id).where(users.c.id == bindparam("user_id")).with_for_update()
)
BY_LOGIN = core_statement(
    ACCOUNT.where(
        or_(users.c.email_key == bindparam("email"), users.c.username_key == bindparam("name"))
    )
)
LOCK_ADMINS = core_statement(
    select(users.c.id)
    .where(and_(users.c.is_superuser, may_sign_in(users)))
    .order_by(users.c.id)
    .with_for_update(key_share=True)
)
COLUMNS = [
    "email", "email_key", "username", "username_key", "password_hash", "full_name", "is_active",
    "is_superuser", "oauth_provider", "birthday_greeting", "locale", "email_verified_at",
    "locked_at", "locked_until", "lock_reason", "updated_at",
]  # fmt: skip
ADD = core_statement(insert(users), columns=["id", "created_at", *COLUMNS])
SAVE = core_statement(update(users).where(users.c.id == bindparam("key")), columns=COLUMNS)
DELETE = core_statement(delete(users).where(users.c.id == bindparam("user_id")))


@lru_cache(maxsize=6)
def _page(*, looks: Looks | None, continued: bool) -> Statement:
    chosen: list[ColumnElement[bool]] = []
    if continued:
        chosen.append(is_after(users.c.created_at, users.c.id, falling=True))
    if looks is not None:
        keys = select(users.c.created_at, users.c.id).where(*chosen)
        chosen = [users.c.id.in_(first_found(keys, USER_TEXT, looks, falling=True))]
    newest = ACCOUNT.where(*chosen).order_by(users.c.created_at.desc(), users.c.id.desc())
    return core_statement(newest.limit(bindparam("rows")))


@dataclass(frozen=True, slots=True)
class PostgresUsers(UserReader, UserRepository):
    """Reads and writes accounts; names are unique by their keys."""

    executor: Executor
    new_id: NewId

    async def get(self, user_id: UserId, *, lock: bool = False) -> User:
        if lock:
            row = await self.executor.first(LOCK, user_id=user_id)
        else:
            row = await self.executor.by_key(GET, user_id)
        if row is None:
            raise UserNotFound
        return _user(row)

    async def find_by_login(self, login: str) -> User | None:
        key = name_key(login)
        row = await self.executor.first(BY_LOGIN, email=key, name=key)
        return None if row is None else _user(row)

    async def page(self, *, search: str | None, after: Position | None, limit: int) -> Page[User]:
        looks, words = query(search)
        statement = _page(looks=looks, continued=after is not None)
        last = last_key(users.c.created_at, after)
        rows = await self.executor.all(statement, rows=limit + 1, **words, **last)
        found = [_user(row) for row in rows[:limit]]
        return page(found, lambda user: (user.created_at, user.id), more=len(rows) > limit)

    async def add(self, user: User) -> None:
        await self.executor.run(ADD, id=user.id, created_at=user.created_at, **_columns(user))
        await AccountBirthdays(self.executor).put(self.new_id(), user)

    async def save(self, user: User) -> None:
        await self.executor.run(SAVE, key=user.id, **_columns(user))
        await AccountBirthdays(self.executor).put(self.new_id(), user)

    async def delete(self, user_id: UserId) -> None:
        await PostgresAnswers(self.executor).delete_about(user_id)
        await self.executor.run(DELETE, user_id=user_id)

    async def block_new_rows(self, user_id: UserId) -> None:
        await self.executor.run(BLOCK_NEW_ROWS, user_id=user_id)

    async def lock_admins(self) -> Collection[UserId]:
        return {UserId(row["id"]) for row in await self.executor.all(LOCK_ADMINS)}


def _columns(user: User) -> dict[str, object]:
    names = set(COLUMNS) - {"email_key", "username_key"}
    username = None if user.username is None else name_key(user.username)
    keys = {"email_key": name_key(user.email), "username_key": username}
    return {name: getattr(user, name) for name in names} | keys


def _user(row: Record) -> User:
    values = {name: row[name] for name in User.__dataclass_fields__}
    return User(**{**values, "identities": tuple(row["identities"] or ())})
