"""Accounts: who they are, what they may change, and that one admin always remains."""

from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Protocol
from uuid import UUID

from jubilee.domain.calendar import Calendar
from jubilee.domain.clock import Clock
from jubilee.domain.concurrency import VersionCheck, merged, require
from jubilee.domain.errors import Conflict, Invalid, NotAllowed, NotFound
from jubilee.domain.events import EventLog, ItemDeleted
from jubilee.domain.identity import NewId, Principal, UserId
from jubilee.domain.jobs.queue import JobQueue, NewJob
from jubilee.domain.names import Names, checked_names
from jubilee.domain.owned_rows import OwnedItems, UserSessions
from jubilee.domain.paging import Page, Position
from jubilee.domain.passwords import (
    PasswordChange,
    PasswordHasher,
    PasswordMatch,
    PasswordRules,
    hash_new,
    match_password,
)
from jubilee.domain.transaction import Begin

WELCOME = "email.welcome"
BIRTH_POINTERS = ("/date_of_birth", "/time_zone")


class UserNotFound(NotFound):
    """There is no such account."""

    code = "user_not_found"


class EmailTaken(Conflict):
    """This e-mail address belongs to an account already."""

    code = "email_taken"


class UsernameTaken(Conflict):
    """This username belongs to an account already."""

    code = "username_taken"


class LastAdmin(Conflict):
    """The last active admin cannot be demoted, disabled or deleted."""

    code = "last_admin"


class CurrentPasswordNeeded(Invalid):
    """Changing the e-mail address or the password needs the current password."""

    code = "current_password_needed"


class WrongCurrentPassword(NotAllowed):
    """The current password is not right."""

    code = "wrong_current_password"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """An account."""

    id: UserId
    email: str
    username: str | None = None
    full_name: str | None = None
    password_hash: str | None = field(default=None, repr=False)
    is_active: bool = True
    is_superuser: bool = False
    oauth_provider: str | None = None
    date_of_birth: date | None = None
    time_zone: str | None = None
    birthday_greeting: bool = True
    created_at: datetime
    updated_at: datetime


class Profile(Names, total=False):
    """What of an account can be changed; what is absent stays."""

    email: str
    date_of_birth: date | None
    time_zone: str | None
    birthday_greeting: bool
    is_active: bool
    is_superuser: bool


class UserRepository(Protocol):
    """The accounts; adding and saving raise EmailTaken or UsernameTaken."""

    async def get(self, user_id: UserId, *, lock: bool = False) -> User:
        """Raises UserNotFound; `lock` keeps others from changing it until the end."""

    async def find_by_login(self, login: str) -> User | None:
        """By username or e-mail address, without regard to case."""

    async def page(self, *, search: str | None, after: Position | None, limit: int) -> Page[User]:
        """Newest first; `search` finds words and their beginnings."""

    async def add(self, user: User) -> None:
        """Insert it; a username that can be greeted takes what strangers saved under it."""

    async def save(self, user: User) -> None:
        """Write every field."""

    async def delete(self, user_id: UserId) -> None:
        """Remove it and all that belongs to it."""

    async def block_new_rows(self, user_id: UserId) -> None:
        """Until the end of the transaction nothing new can belong to the account."""

    async def lock_admins(self) -> Collection[UserId]:
        """The active admins, none of whom changes until the end of the transaction."""


class UserTransaction(Protocol):
    """What accounts need of a transaction."""

    @property
    def users(self) -> UserRepository:
        """The accounts."""

    @property
    def sessions(self) -> UserSessions:
        """Their sessions."""

    @property
    def items(self) -> OwnedItems:
        """Their items."""

    @property
    def events(self) -> EventLog:
        """The outbox of facts."""

    @property
    def jobs(self) -> JobQueue:
        """The work that is wanted."""


@dataclass(frozen=True, slots=True)
class UserService:
    """What can be done with accounts."""

    write: Begin[UserTransaction]
    read: Begin[UserTransaction]
    hasher: PasswordHasher
    rules: PasswordRules
    clock: Clock
    new_id: NewId
    calendar: Calendar
    birthdays_changed: Callable[[], Awaitable[None]]
    """Called after a commit that may change who celebrates; bounded in time, never raises."""

    async def register(self, profile: Profile, password: str) -> User:
        """A new account, and its welcome message in the same transaction."""
        self.calendar.check_born(
            profile.get("date_of_birth"), profile.get("time_zone"), BIRTH_POINTERS
        )
        profile, now = checked_names(profile), self.clock()
        names = profile["email"], profile.get("username")
        made = await hash_new(self.hasher, self.rules, password, names)
        user = User(
            id=UserId(self.new_id()), password_hash=made, created_at=now, updated_at=now, **profile
        )
        async with self.write() as tx:
            await tx.users.add(user)
            await tx.jobs.add(self._welcome(user))
        await self._record(None, user)
        return user

    async def get(self, user_id: UserId, *, by: Principal) -> User:
        """One's own account, or any for an admin; another's is not allowed, found or not."""
        if not by.may_touch(user_id):
            raise NotAllowed
        async with self.read() as view:
            return await view.users.get(user_id)

    async def find(self, who: str) -> User:
        """By id, e-mail address or username, for operators; raises UserNotFound."""
        async with self.read() as view:
            with suppress(ValueError, UserNotFound):
                return await view.users.get(UserId(UUID(who)))
            user = await view.users.find_by_login(who)
        if user is None:
            raise UserNotFound
        return user

    async def list(self, *, search: str | None, after: Position | None, limit: int) -> Page[User]:
        """All accounts, for admins."""
        async with self.read() as view:
            return await view.users.page(search=search, after=after, limit=limit)

    async def change(
        self,
        user_id: UserId,
        profile: Profile,
        passwords: PasswordChange,
        *,
        by: Principal,
        expects: VersionCheck[User] | None = None,
    ) -> User:
        """Change an account; a new password ends its other sessions. Raises Stale."""
        before = await self.get(user_id, by=by)
        require(expects, before)  # and again once it is locked; a hash takes its time
        after = replace(before, **checked_names(profile, before))
        self.calendar.check_born(after.date_of_birth, after.time_zone, BIRTH_POINTERS)
        await self._check_current_password(before, after, passwords, by=by)
        if passwords.new is not None:
            names = after.email, after.username
            made = await hash_new(self.hasher, self.rules, passwords.new, names)
            after = replace(after, password_hash=made)
        saved = await self._save(before, after, by=by, expects=expects)
        await self._record(before, saved)
        return saved

    async def delete(
        self, user_id: UserId, *, by: Principal, expects: VersionCheck[User] | None = None
    ) -> None:
        """Remove an account with its sessions, birthday, tasks and items. Raises Stale."""
        user = await self.get(user_id, by=by)
        async with self.write() as tx:
            require(expects, await _locked(tx, user, None))
            await tx.users.block_new_rows(
                user_id
            )  # an item that came now would go without its event
            items = await tx.items.delete_of(user_id)
            await tx.events.add(*(ItemDeleted(item_id=i, owner_id=user_id) for i in items))
            await tx.users.delete(user_id)
        await self._record(user, None)

    async def _save(
        self, before: User, after: User, *, by: Principal, expects: VersionCheck[User] | None
    ) -> User:
        async with self.write() as tx:
            now = await _locked(tx, before, after)
            require(expects, now)
            if before.password_hash not in {now.password_hash, after.password_hash}:
                raise WrongCurrentPassword  # it was proved, but has been changed since
            stamped = replace(after, updated_at=self.clock())
            changed = now if after == before else merged(before, stamped, now)
            await tx.users.save(changed)
            if changed.password_hash != now.password_hash or not changed.is_active:
                keep = by.session_id if by.user_id == before.id and changed.is_active else None
                await tx.sessions.end_all(before.id, but=keep)
            return changed

    async def _check_current_password(
        self, before: User, after: User, passwords: PasswordChange, *, by: Principal
    ) -> None:
        """An admin who changes somebody else's account cannot know that person's password."""
        guarded = passwords.new is not None or after.email != before.email
        if not guarded or by.user_id != before.id:
            return
        if passwords.current is None:
            raise CurrentPasswordNeeded(pointer="/current_password")
        match = await match_password(self.hasher, before.password_hash, passwords.current)
        if match is PasswordMatch.NO:
            raise WrongCurrentPassword

    async def _record(self, before: User | None, after: User | None) -> None:
        if _celebrant(before) != _celebrant(after):
            await self.birthdays_changed()

    def _welcome(self, user: User) -> NewJob:
        return NewJob(
            id=self.new_id(),
            kind=WELCOME,
            data={"user_id": str(user.id)},
            owner_id=user.id,
            key=f"welcome:{user.id}",
        )


def _celebrant(user: User | None) -> tuple[object, ...]:
    """What a list of birthdays shows of an account."""
    if user is None or user.date_of_birth is None or not user.is_active:
        return ()
    return user.date_of_birth, user.time_zone, user.username


async def _locked(tx: UserTransaction, before: User, after: User | None) -> User:
    """The admins are locked before any single account, always in this order: no deadlock."""
    weakened = (
        after is None
        or (before.is_superuser and not after.is_superuser)
        or (before.is_active and not after.is_active)
    )
    admins = await tx.users.lock_admins() if weakened else ()
    if set(admins) == {before.id}:
        raise LastAdmin
    return await tx.users.get(before.id, lock=True)
