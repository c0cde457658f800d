"""Changing an account's address: confirmed at the new one, undone at the old one."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime

from jubilee.domain.account_email.proven import locked_owner, restored_owner
from jubilee.domain.account_email.requests import LinkRequestService
from jubilee.domain.account_mail import MailTemplate, account_mail
from jubilee.domain.audit.entry import AuditEvent, record_own
from jubilee.domain.clock import Clock
from jubilee.domain.idempotency.commit import after_commit
from jubilee.domain.identity import NewId, Principal
from jubilee.domain.one_time.issuing import LinkIssuer
from jubilee.domain.one_time.link import LinkProof, LinkPurpose
from jubilee.domain.one_time.proving import LinkProver
from jubilee.domain.scopes import CREDENTIALS
from jubilee.domain.transaction import Begin
from jubilee.domain.users.changes import end_tokens
from jubilee.domain.users.notices import ChangeNotices
from jubilee.domain.users.password_proof import PasswordProof
from jubilee.domain.users.pending_deletion import DeletionTransaction
from jubilee.domain.users.ports import UserView
from jubilee.domain.users.recent_proof import RecentProof
from jubilee.domain.users.user import CurrentPasswordNeeded, User

UNDONE = "undone"


@dataclass(frozen=True, slots=True)
class EmailChangeService:
    """Changes of address: requested, confirmed at the new address, undone from the old one."""

    write: Begin[DeletionTransaction]
    issuer: LinkIssuer
    prover: LinkProver
    requests: LinkRequestService
    read: Begin[UserView]
    proof: PasswordProof
    recent: RecentProof
    clock: Clock
    new_id: NewId
    birthdays_changed: Callable[[], Awaitable[None]]
    """Called after a commit that changes a birthday; bounded in time, never raises."""

    async def request(self, address: str, current_password: str | None, *, by: Principal) -> None:
        """Mail a link to the new address; the answer is the same if it belongs to an account.

        An account without a password needs a recent proof instead. Raises CurrentPasswordNeeded,
        WrongCurrentPassword, ReauthenticationRequired or TooManyAttempts.
        """
        by.require(CREDENTIALS)
        async with self.read() as view:
            user = await view.users.get(by.user_id)
        if user.password_hash is None:
            self.recent.require(by)
        elif current_password is None:
            raise CurrentPasswordNeeded(pointer="/current_password")
        else:
            await self.proof.require(user, current_password, by=by)
        await self.requests.request(LinkPurpose.CHANGE_EMAIL, address, user_id=by.user_id)

    async def confirm(self, proof: LinkProof, client_ip: str | None) -> None:
        """Swap the address, and mail the old one a link that undoes it.

        Raises InvalidLink, TooManyAttempts, or EmailTaken if an account has taken it meanwhile.
        """
        link = await self.prover.prove(LinkPurpose.CHANGE_EMAIL, proof, client_ip)
        async with self.write() as tx:
            before, now = await locked_owner(tx, link), self.clock()
            await self.prover.use(tx, link)
            await tx.users.save(_moved(before, link.recipient, now))
            await record_own(tx.audit, AuditEvent.EMAIL_CHANGED, before.id)
            await ChangeNotices(self.issuer, self.new_id).add_undo(tx, before)

    async def undo(self, proof: LinkProof, client_ip: str | None) -> None:
        """Restore the address that the link was sent to; end all sessions, tokens, other links.

        A deletion of the account that waits for the end of its grace is undone as well. Raises
        InvalidLink, TooManyAttempts, or EmailTaken if another account has taken the address.
        """
        link = await self.prover.prove(LinkPurpose.UNDO_EMAIL, proof, client_ip)
        async with self.write() as tx:
            now = self.clock()
            before = await restored_owner(tx, link, now=now)
            await self.prover.use(tx, link)
            await tx.users.save(_moved(before, link.recipient, now))
            await tx.sessions.end_all(before.id)
            await tx.one_time.end_all(before.id, now=now)
            await record_own(tx.audit, AuditEvent.EMAIL_CHANGED, before.id, reason=UNDONE)
            await record_own(tx.audit, AuditEvent.SESSIONS_ENDED, before.id)
            await end_tokens(tx, before.id, by=before.id)
            notice = account_mail(self.new_id(), before.id, MailTemplate.EMAIL_RESTORED)
            await tx.jobs.add(notice)
        await after_commit(self.birthdays_changed)


def _moved(user: User, address: str, now: datetime) -> User:
    return replace(user, email=address, email_verified_at=now, updated_at=now)
