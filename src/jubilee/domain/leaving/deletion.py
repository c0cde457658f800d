"""Deletion of one's own account: at once, or after days of grace in which it can be undone."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from jubilee.domain.account_mail import MailTemplate, account_mail
from jubilee.domain.attempts.attempt import PasswordAttempt
from jubilee.domain.attempts.guard import AttemptGuard
from jubilee.domain.audit.entry import AuditEvent
from jubilee.domain.auth.sessions import ClientInfo
from jubilee.domain.auth.tokens import InvalidGrant
from jubilee.domain.clock import Clock
from jubilee.domain.concurrency import VersionCheck, require
from jubilee.domain.idempotency.commit import after_commit
from jubilee.domain.identity import NewId, Principal, UserId
from jubilee.domain.jobs.kinds import Audience, Completion, JobContext, JobKind
from jubilee.domain.jobs.payload import invalid_payload, read_text, require_only
from jubilee.domain.jobs.queue import NewJob
from jubilee.domain.jobs.retries import DAY_OF_ATTEMPTS
from jubilee.domain.one_time.issuing import LinkIssuer
from jubilee.domain.one_time.link import InvalidLink, LinkProof, LinkPurpose
from jubilee.domain.one_time.proving import LinkProver
from jubilee.domain.passwords import PasswordMatch, match_password
from jubilee.domain.transaction import Begin
from jubilee.domain.users.changes import end_tokens
from jubilee.domain.users.erasure import erase
from jubilee.domain.users.link_owner import locked_account
from jubilee.domain.users.locking import lock_account
from jubilee.domain.users.pending_deletion import DeletionTransaction, cancel_deletion
from jubilee.domain.users.service import UserService
from jubilee.domain.users.user import User, UserNotFound

ERASE = "account.erase"
TIMEOUT_S = 300.0  # an account may have many items
MAX_TIME_CHARS = 40


@dataclass(frozen=True, slots=True)
class DeletionService:
    """Use cases of the deletion of accounts."""

    write: Begin[DeletionTransaction]
    users: UserService
    guard: AttemptGuard
    issuer: LinkIssuer
    prover: LinkProver
    clock: Clock
    new_id: NewId
    grace: timedelta

    async def delete(
        self, user_id: UserId, *, by: Principal, expects: VersionCheck[User] | None = None
    ) -> datetime | None:
        """Delete an account now, or one's own after the grace; return when, if not now.

        Until then the account cannot be used. Parallel requests have one effect. Raises Stale, or
        LastAdmin.
        """
        if not self.grace or by.user_id != user_id:
            await self.users.delete(user_id, by=by, expects=expects)
            return None
        user, due_at = await self.users.get(user_id, by=by), self.clock() + self.grace
        async with self.write() as tx:
            locked = await lock_account(tx, user, None)
            require(expects, locked)
            waiting = await tx.deletions.find(user_id)
            if waiting is not None and not locked.is_active:
                return waiting
            await self._begin(tx, locked, due_at)
        await after_commit(self.users.birthdays_changed)
        return due_at

    async def _begin(self, tx: DeletionTransaction, user: User, due_at: datetime) -> None:
        """Disable the account, which is locked, and enqueue its erasure and its mail."""
        await tx.users.save(replace(user, is_active=False, updated_at=self.clock()))
        await tx.sessions.end_all(user.id)
        await tx.deletions.remove(user.id)
        await tx.deletions.add(user.id, due_at)
        await tx.jobs.add(self._erasure(user.id, due_at))
        await self._notify(tx, user, due_at)
        await tx.audit.record(AuditEvent.DELETION_REQUESTED, actor=user.id, subject=user.id)
        await end_tokens(tx, user.id, by=user.id)

    async def restore(self, login: str, password: str, client: ClientInfo) -> None:
        """Undo the deletion of one's own account; raise InvalidGrant, or TooManyAttempts.

        It takes credentials, as all sessions have ended. An unknown login, a wrong password and an
        account that is not to be deleted give the same error after the same time.
        """
        async with self.users.read() as view:
            user = await view.users.find_by_login(login)
        attempt = PasswordAttempt.sign_in(login, user.id if user is not None else None, client.ip)
        async with self.guard.attempt(attempt):
            stored = user.password_hash if user is not None else None
            match = await match_password(self.users.hasher, stored, password)
            if user is None or match is PasswordMatch.NO or not await self._undo(user):
                raise InvalidGrant
        await after_commit(self.users.birthdays_changed)

    async def restore_by_link(self, proof: LinkProof, client_ip: str | None) -> None:
        """Undo the deletion by its mail, however the account signs in.

        Raises InvalidLink or TooManyAttempts.
        """
        link = await self.prover.prove(LinkPurpose.RESTORE_ACCOUNT, proof, client_ip)
        async with self.write() as tx:
            user = await locked_account(tx, link)
            await self.prover.use(tx, link)
            if await cancel_deletion(tx, user, now=self.clock()) is None:
                raise InvalidLink
        await after_commit(self.users.birthdays_changed)

    async def _undo(self, user: User) -> bool:
        """Return whether the account was to be deleted, and its password is still the same."""
        async with self.write() as tx:
            try:
                locked = await tx.users.get(user.id, lock=True)
            except UserNotFound:
                return False
            if locked.password_hash != user.password_hash:
                return False
            return await cancel_deletion(tx, locked, now=self.clock()) is not None

    async def _notify(self, tx: DeletionTransaction, user: User, due_at: datetime) -> None:
        """Mail the account when it is deleted, and a link that restores it until then."""
        link = await self.issuer.issue(
            tx, LinkPurpose.RESTORE_ACCOUNT, user.id, user.email, expires_at=due_at
        )
        values, template = {"due": f"{due_at:%Y-%m-%d %H:%M}"}, MailTemplate.DELETION_WAITS
        await tx.jobs.add(
            account_mail(self.new_id(), user.id, template, link_id=link.id, values=values)
        )

    def _erasure(self, user_id: UserId, due_at: datetime) -> NewJob:
        """Enqueue it without an owner: it must outlive the account's rows until it has ended."""
        data = {"user_id": str(user_id), "due_at": due_at.isoformat()}
        return NewJob(
            id=self.new_id(), kind=ERASE, data=data, run_at=due_at, max_attempts=DAY_OF_ATTEMPTS
        )


@dataclass(frozen=True, slots=True)
class DueDeletion:
    """The deletion that a job carries out; one that was requested later has another time."""

    user_id: UserId
    due_at: datetime


@dataclass(frozen=True, slots=True)
class EraseAccount(JobKind[DueDeletion, DeletionTransaction]):
    """`account.erase`: the end of the grace; erases once, and nothing that was restored.

    An account that an admin has enabled meanwhile is not erased either.
    """

    name = ERASE
    audience = Audience.INTERNAL
    timeout = TIMEOUT_S

    def read(self, data: Mapping[str, object]) -> DueDeletion:
        require_only(data, {"user_id", "due_at"})
        try:
            user_id = UserId(UUID(read_text(data, "user_id", longest=36)))
            due_at = datetime.fromisoformat(read_text(data, "due_at", longest=MAX_TIME_CHARS))
        except ValueError:
            raise invalid_payload("must be a UUID and a time", "user_id") from None
        return DueDeletion(user_id, due_at)

    def redact(self, data: Mapping[str, object]) -> Mapping[str, object]:
        return data

    async def run(
        self, job: JobContext[DueDeletion], complete: Completion[DeletionTransaction]
    ) -> None:
        deletion = job.payload
        async with complete() as tx:
            try:
                user = await tx.users.get(deletion.user_id, lock=True)
            except UserNotFound:
                return
            if await tx.deletions.find(user.id) != deletion.due_at:
                return
            if user.is_active:
                await tx.deletions.remove(user.id)
            else:
                await erase(tx, user.id, actor=None)
