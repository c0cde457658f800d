"""Mails that tell an account of changes of what it signs in by."""

from dataclasses import dataclass

from jubilee.domain.account_mail import MailTemplate, account_mail
from jubilee.domain.identity import NewId, Principal, name_key
from jubilee.domain.one_time.issuing import LinkIssuer
from jubilee.domain.one_time.link import LinkPurpose
from jubilee.domain.users.ports import UserTransaction
from jubilee.domain.users.user import User


@dataclass(frozen=True, slots=True)
class ChangeNotices:
    """Tells an account of a new password, and its former address of a new one."""

    links: LinkIssuer
    new_id: NewId

    async def add(self, tx: UserTransaction, before: User, after: User, *, by: Principal) -> None:
        """Enqueue the mails about a change of an account, which is locked.

        An address that an admin replaces is told only if it was verified: it may be a mistyped one,
        whose reader could restore it.
        """
        if after.password_hash != before.password_hash:
            await tx.jobs.add(account_mail(self.new_id(), after.id, MailTemplate.PASSWORD_CHANGED))
        is_other = name_key(before.email) != name_key(after.email)
        if is_other and (before.email_verified or by.user_id == before.id):
            await self.add_undo(tx, before)

    async def add_undo(self, tx: UserTransaction, before: User) -> None:
        """Enqueue the mail by which the former address can be restored."""
        undo = await self.links.issue(tx, LinkPurpose.UNDO_EMAIL, before.id, recipient=before.email)
        template = MailTemplate.EMAIL_CHANGED
        await tx.jobs.add(account_mail(self.new_id(), before.id, template, link_id=undo.id))
