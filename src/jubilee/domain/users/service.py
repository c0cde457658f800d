"""The use cases of accounts."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from uuid import UUID

from jubilee.domain.attempts.guard import AttemptGuard
from jubilee.domain.audit.entry import AuditEvent, record_read
from jubilee.domain.calendar import Calendar
from jubilee.domain.clock import Clock
from jubilee.domain.concurrency import VersionCheck, merged, require
from jubilee.domain.errors import NotAllowed
from jubilee.domain.idempotency.commit import after_commit, answered
from jubilee.domain.identity import NewId, Principal, UserId, name_key
from jubilee.domain.names import checked_names
from jubilee.domain.paging import Page, Position
from jubilee.domain.passwords import (
    PasswordChange,
    PasswordHasher,
    PasswordRules,
    hash_new,
)
from jubilee.domain.scopes import CREDENTIALS, Scope
from jubilee.domain.transaction import Begin
from jubilee.domain.users.changes import end_tokens, record_change, record_registration
from jubilee.domain.users.erasure import erase
from jubilee.domain.users.locking import lock_account
from jubilee.domain.users.notices import ChangeNotices
from jubilee.domain.users.password_proof import PasswordProof
from jubilee.domain.users.ports import UserTransaction, UserView
from jubilee.domain.users.recent_proof import RecentProof
from jubilee.domain.users.registration import RegistrationMail
from jubilee.domain.users.user import (
    CurrentPasswordNeeded,
    Profile,
    ServiceAccountRefused,
    UnconfirmedEmail,
    User,
    UserNotFound,
    WrongCurrentPassword,
)

READ_OTHERS = frozenset({Scope.USERS_READ})
BIRTH_POINTERS = ("/date_of_birth", "/time_zone")


@dataclass(frozen=True, slots=True)
class UserService:
    """Use cases of accounts."""

    write: Begin[UserTransaction]
    read: Begin[UserView]
    read_list: Begin[UserView]
    hasher: PasswordHasher
    guard: AttemptGuard
    recent: RecentProof
    rules: PasswordRules
    clock: Clock
    new_id: NewId
    calendar: Calendar
    mail: RegistrationMail
    birthdays_changed: Callable[[], Awaitable[None]]
    """Called after a commit that changes a birthday; bounded in time, never raises."""

    async def register(
        self, profile: Profile, password: str, *, by: Principal | None = None
    ) -> User:
        """Create an account and enqueue its first mail in the same transaction.

        It is the welcome, or comes before that and verifies the address; that of an account made
        by an operator counts as verified.
        """
        self.calendar.check_born(
            profile.get("date_of_birth"), profile.get("time_zone"), BIRTH_POINTERS
        )
        profile = checked_names(profile)
        names = profile["email"], profile.get("username"), profile.get("full_name")
        password_hash = await hash_new(self.hasher, self.rules, password, names)
        user = self.new_user(profile, password_hash, is_verified=by is not None)
        async with answered(self.write) as tx:
            await self.add(tx, user, by=by)
        await self._refresh_lists(None, user)
        return user

    def new_user(self, profile: Profile, password_hash: str | None, *, is_verified: bool) -> User:
        """Return an account that is not stored yet; its names have been checked.

        `is_verified` says that its address needs no proof.
        """
        now = self.clock()
        return User(
            id=UserId(self.new_id()),
            password_hash=password_hash,
            email_verified_at=now if is_verified else None,
            created_at=now,
            updated_at=now,
            **profile,
        )

    async def add(self, tx: UserTransaction, user: User, *, by: Principal | None = None) -> None:
        """Insert an account in the caller's transaction, and enqueue its first mail."""
        await tx.users.add(user)
        await self.mail.add(tx, user)
        await record_registration(tx.audit, user, by)

    async def get(self, user_id: UserId, *, by: Principal) -> User:
        """Return the caller's own account, or any account to an admin or support.

        Raises NotAllowed for an account of another user, whether or not it exists.
        """
        if not by.may_access(user_id):
            by.require(READ_OTHERS)
        async with self.read() as view:
            user = await view.users.get(user_id)
        await record_read(self.write, by=by, owner=user_id, resource="account")
        return user

    async def find(self, identifier: str) -> User:
        """Find an account by id, e-mail address or username, for operators.

        Raises UserNotFound.
        """
        async with self.read() as view:
            with suppress(ValueError, UserNotFound):
                return await view.users.get(UserId(UUID(identifier)))
            user = await view.users.find_by_login(identifier)
        if user is None:
            raise UserNotFound
        return user

    async def list(
        self, *, search: str | None, by: Principal, after: Position | None, limit: int
    ) -> Page[User]:
        """List all accounts, for admins."""
        async with self.read_list() as view:
            page = await view.users.page(search=search, after=after, limit=limit)
        await record_read(self.write, by=by, resource="accounts")
        return page

    async def change(
        self,
        user_id: UserId,
        profile: Profile,
        passwords: PasswordChange,
        *,
        by: Principal,
        expects: VersionCheck[User] | None = None,
    ) -> User:
        """Change an account; a new password ends its other sessions and its tokens.

        Raises Stale, TooManyAttempts at the current password, ReauthenticationRequired, or
        SessionRequired if a token would change what signs in or what an account may do.
        """
        before = await self._get(user_id, by)
        require(expects, before)  # checked again on the locked row: hashing takes long
        after = _unverified(before, replace(before, **checked_names(profile, before)))
        if passwords.new is not None or _credentials(after) != _credentials(before):
            by.require(CREDENTIALS)
            if before.is_service:
                raise ServiceAccountRefused
        self._check_confirmed(before, after, by=by)
        self.calendar.check_born(after.date_of_birth, after.time_zone, BIRTH_POINTERS)
        await self._require_proof(before, after, passwords, by=by)
        if passwords.new is not None:
            after = await self._with_password(after, passwords.new)
        saved = await self._save(before, after, by=by, expects=expects)
        await self._refresh_lists(before, saved)
        return saved

    async def delete(
        self, user_id: UserId, *, by: Principal, expects: VersionCheck[User] | None = None
    ) -> None:
        """Delete an account with its sessions, tokens, birthday, tasks and items. Raises Stale."""
        user = await self._get(user_id, by)
        async with self.write() as tx:
            require(expects, await lock_account(tx, user, None))
            await erase(tx, user_id, actor=by.user_id)
        await self._refresh_lists(user, None)

    async def _save(
        self, before: User, after: User, *, by: Principal, expects: VersionCheck[User] | None
    ) -> User:
        async with answered(self.write) as tx:
            now = await lock_account(tx, before, after)
            require(expects, now)
            if before.password_hash not in {now.password_hash, after.password_hash}:
                raise WrongCurrentPassword  # it was right, but has been changed since
            stamped = replace(after, updated_at=self.clock())
            changed = now if after == before else merged(before, stamped, now)
            await tx.users.save(changed)
            await record_change(tx.audit, now, changed, by)
            await ChangeNotices(self.mail.links, self.new_id).add(tx, now, changed, by=by)
            if _moves(now, changed) and self.mail.policy.verifies:
                await self.mail.add_verification(tx, changed)
            if changed.password_hash != now.password_hash or not changed.is_active:
                await _end_access(tx, now, changed, by)
            return changed

    async def _with_password(self, user: User, password: str) -> User:
        names = user.email, user.username, user.full_name
        password_hash = await hash_new(self.hasher, self.rules, password, names)
        return replace(user, password_hash=password_hash)

    async def _require_proof(
        self, before: User, after: User, passwords: PasswordChange, *, by: Principal
    ) -> None:
        """Require the password from the owner who changes it, or the address.

        An admin cannot know it, and some accounts have none: then a recent proof is required, as
        it is to make admins.
        """
        guarded = passwords.new is not None or after.email != before.email
        if not guarded and after.is_superuser == before.is_superuser:
            return
        if not guarded or by.user_id != before.id or before.password_hash is None:
            self.recent.require(by)
            return
        if passwords.current is None:
            raise CurrentPasswordNeeded(pointer="/current_password")
        proof = PasswordProof(self.write, self.hasher, self.guard)
        await proof.require(before, passwords.current, by=by)

    def _check_confirmed(self, before: User, after: User, *, by: Principal) -> None:
        """Refuse a change of the own address that its mail has not confirmed."""
        own = by.user_id == before.id
        if own and _moves(before, after) and self.mail.policy.confirms_changes:
            raise UnconfirmedEmail(pointer="/email")

    async def _get(self, user_id: UserId, by: Principal) -> User:
        if not by.may_access(user_id):
            raise NotAllowed
        async with self.read() as view:
            return await view.users.get(user_id)

    async def _refresh_lists(self, before: User | None, after: User | None) -> None:
        if _birthday_entry(before) != _birthday_entry(after):
            await after_commit(self.birthdays_changed)


async def _end_access(tx: UserTransaction, before: User, after: User, by: Principal) -> None:
    """End the account's sessions and tokens; that of the request stays while it is active."""
    keep = by.session_id if by.user_id == before.id and after.is_active else None
    await tx.sessions.end_all(before.id, but=keep)
    if after.password_hash != before.password_hash or before.is_active:
        await tx.audit.record(AuditEvent.SESSIONS_ENDED, actor=by.user_id, subject=before.id)
    await end_tokens(tx, before.id, by=by.user_id)


def _credentials(user: User) -> tuple[object, ...]:
    """Return the members, beside the password, that give access to an account or to others."""
    return user.email, user.is_superuser


def _moves(before: User, after: User) -> bool:
    return name_key(before.email) != name_key(after.email)


def _unverified(before: User, after: User) -> User:
    """Return the account with a new address as not verified."""
    return replace(after, email_verified_at=None) if _moves(before, after) else after


def _birthday_entry(user: User | None) -> tuple[object, ...]:
    """Return the members of an account that birthday lists show."""
    if user is None or user.date_of_birth is None or not user.is_active:
        return ()
    return user.date_of_birth, user.time_zone, user.username
