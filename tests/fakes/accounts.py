"""Accounts and sessions in memory."""

from collections.abc import Collection, Hashable, MutableMapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol, TypeVar
from uuid import UUID

from jubilee.domain.api_tokens.token import ApiToken, ApiTokenId
from jubilee.domain.auth.sessions import Session
from jubilee.domain.clock import Clock
from jubilee.domain.idempotency.answers import Answer
from jubilee.domain.identities.identity import Identity
from jubilee.domain.identity import SessionId, UserId, name_key
from jubilee.domain.invites.invite import Invite
from jubilee.domain.jobs.queue import NewJob
from jubilee.domain.one_time.link import OneTimeLink
from jubilee.domain.paging import Page, Position
from jubilee.domain.service_accounts.account import ServiceAccount
from jubilee.domain.tasks.task import Task
from jubilee.domain.users.ports import UserReader, UserRepository
from jubilee.domain.users.user import User, UserNotFound
from tests.fakes.birthdays import FakeBirthdays
from tests.fakes.factors import FactorRows
from tests.fakes.greetings import FakeGreetings
from tests.fakes.items import FakeItems
from tests.fakes.leaving import StoredExport
from tests.fakes.roles import Grants
from tests.fakes.rows import FakeUnitOfWork, foreign_key_violation, unique_violation

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Tables(Protocol):
    """The tables that hold rows of an account."""

    @property
    def clock(self) -> Clock: ...
    @property
    def unit(self) -> FakeUnitOfWork: ...
    @property
    def users(self) -> MutableMapping[UserId, User]: ...
    @property
    def sessions(self) -> MutableMapping[SessionId, Session]: ...
    @property
    def api_tokens(self) -> MutableMapping[ApiTokenId, ApiToken]: ...
    @property
    def identities(self) -> MutableMapping[UUID, Identity]: ...
    @property
    def service_accounts(self) -> MutableMapping[UserId, ServiceAccount]: ...
    @property
    def items(self) -> FakeItems: ...
    @property
    def answers(self) -> MutableMapping[bytes, Answer]: ...
    @property
    def birthdays(self) -> FakeBirthdays: ...
    @property
    def greetings(self) -> FakeGreetings: ...
    @property
    def jobs(self) -> MutableMapping[UUID, NewJob]: ...
    @property
    def tasks(self) -> MutableMapping[UUID, Task]: ...
    @property
    def links(self) -> MutableMapping[UUID, OneTimeLink]: ...
    @property
    def deletions(self) -> MutableMapping[UserId, datetime]: ...
    @property
    def exports(self) -> MutableMapping[UUID, StoredExport]: ...
    @property
    def grants(self) -> Grants: ...
    @property
    def factors(self) -> FactorRows: ...
    @property
    def invites(self) -> MutableMapping[UUID, Invite]: ...


def words_of(*texts: str | None) -> list[str]:
    """Split the texts into words as the search does."""
    joined = " ".join(text or "" for text in texts).lower()
    return "".join(c if c.isalnum() else " " for c in joined).split()


def matches(search: str | None, *texts: str | None) -> bool:
    """Return whether every word of `search` is a prefix of a word of the texts."""
    if search is None:
        return True
    wanted = words_of(search)
    return bool(wanted) and all(any(w.startswith(s) for w in words_of(*texts)) for s in wanted)


@dataclass(frozen=True, slots=True)
class FakeUsers(UserReader, UserRepository):
    """Accounts in a dict; deleting one deletes the rows that belong to it."""

    store: Tables

    async def get(self, user_id: UserId, *, lock: bool = False) -> User:
        await self.store.unit.read("user", user_id, lock=lock)
        if lock:
            await self.store.unit.hold("birthday", user_id)
        if user_id not in self.store.users:
            raise UserNotFound
        found = self.store.birthdays.with_current_birthday(self.store.users[user_id])
        linked = [each for each in self.store.identities.values() if each.user_id == user_id]
        linked.sort(key=lambda each: (each.created_at, each.id))
        return replace(found, identities=tuple(each.provider for each in linked))

    async def find_by_login(self, login: str) -> User | None:
        self.store.unit.check(login)
        key = name_key(login)
        for user in self.store.users.values():
            if key in {name_key(name) for name in (user.email, user.username) if name}:
                return user
        return None

    async def page(self, *, search: str | None, after: Position | None, limit: int) -> Page[User]:
        found = [
            user
            for user in self.store.users.values()
            if matches(search, user.email, user.username, user.full_name)
            and (after is None or _position(user) < after)
        ]
        rows = sorted(found, key=_position, reverse=True)
        more = len(rows) > limit
        return Page(rows[:limit], _position(rows[limit - 1]) if more else None)

    async def add(self, user: User) -> None:
        await self._write(user)

    async def save(self, user: User) -> None:
        self.store.unit.require_lock("user", user.id)
        await self.store.unit.hold("user", user.id)
        known = self.store.users.get(user.id)
        if known is None:
            raise self.store.unit.fail(foreign_key_violation("fk_birthdays_user_id"))
        await self._write(replace(user, created_at=known.created_at))

    async def delete(self, user_id: UserId) -> None:
        for lock in ("user", "owner"):  # else rows that have come since are lost
            self.store.unit.require_lock(lock, user_id)
        await self.block_new_rows(user_id)
        store = self.store
        store.users.pop(user_id, None)
        _delete(store.sessions, {k for k, s in store.sessions.items() if s.user_id == user_id})
        tokens = {k for k, t in store.api_tokens.items() if t.user_id == user_id}
        _delete(store.api_tokens, tokens)
        store.service_accounts.pop(user_id, None)
        jobs = {k for k, j in store.jobs.items() if j.owner_id == user_id}
        tasks = {k for k, t in store.tasks.items() if t.owner_id == user_id or k in jobs}
        _delete(store.links, {k for k, one in store.links.items() if one.user_id == user_id})
        _delete(store.jobs, jobs)
        _delete(store.tasks, tasks)
        _delete(store.identities, {k for k, i in store.identities.items() if i.user_id == user_id})
        for rows in (store.birthdays, store.greetings, store.factors):
            rows.delete_account(user_id)
        store.deletions.pop(user_id, None)
        _delete(store.exports, {k for k, e in store.exports.items() if e.export.user_id == user_id})
        _delete(store.answers, {k for k, a in store.answers.items() if a.account == user_id})
        _delete_roles(store, user_id)
        await store.items.delete_of(user_id)

    async def block_new_rows(self, user_id: UserId) -> None:
        await self.store.unit.hold("user", user_id)
        await self.store.unit.hold("owner", user_id)

    async def lock_admins(self) -> Collection[UserId]:
        for key in sorted(self._admins()):
            await self.store.unit.hold("user", key)
        return self._admins()

    def _admins(self) -> set[UserId]:
        users, now = self.store.users.values(), self.store.clock()
        return {user.id for user in users if user.is_superuser and user.may_sign_in(now)}

    async def _write(self, user: User) -> None:
        self.store.unit.check(user)
        await self._check(user)
        await self.store.unit.hold("user", user.id)
        self.store.users[user.id] = user
        await self.store.birthdays.lock_name(user)
        self.store.birthdays.put_account(user)

    async def _check(self, user: User) -> None:
        unit, key = self.store.unit, name_key(user.username or "")
        await unit.hold("email", name_key(user.email))
        if key:
            await unit.hold("username", key)
        for other in self.store.users.values():
            if other.id == user.id:
                continue
            if name_key(other.email) == name_key(user.email):
                raise unit.fail(unique_violation("uq_users_email_key"))
            if key and name_key(other.username or "") == key:
                raise unit.fail(unique_violation("uq_users_username_key"))


def _position(user: User) -> Position:
    return user.created_at.isoformat(), str(user.id)


def _delete_roles(store: Tables, user_id: UserId) -> None:
    _delete(store.invites, {k for k, i in store.invites.items() if i.invited_by == user_id})
    _delete(store.grants, {key for key in store.grants if key[0] == user_id})


def _delete(rows: MutableMapping[K, V], keys: Collection[K]) -> None:
    for key in keys:
        del rows[key]
