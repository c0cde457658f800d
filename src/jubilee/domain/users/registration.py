"""The first mail of a new account."""

from dataclasses import dataclass
from uuid import UUID

from jubilee.domain.account_mail import MailTemplate, account_mail
from jubilee.domain.identity import NewId, UserId
from jubilee.domain.jobs.queue import NewJob
from jubilee.domain.one_time.issuing import LinkIssuer
from jubilee.domain.one_time.link import LinkPurpose
from jubilee.domain.users.ports import UserTransaction
from jubilee.domain.users.user import EmailPolicy, User

WELCOME = "email.welcome"


@dataclass(frozen=True, slots=True)
class RegistrationMail:
    """Welcomes a new account, or verifies its address before that."""

    links: LinkIssuer
    policy: EmailPolicy
    new_id: NewId

    async def add(self, tx: UserTransaction, user: User) -> None:
        """Enqueue the first mail of a new account."""
        if self.policy.verifies and not user.email_verified:
            await self.add_verification(tx, user)
        else:
            await tx.jobs.add(welcome_mail(self.new_id(), user.id))

    async def add_verification(self, tx: UserTransaction, user: User) -> None:
        """Enqueue a mail that verifies the present address."""
        link = await self.links.issue(tx, LinkPurpose.VERIFY_EMAIL, user.id, user.email)
        template = MailTemplate.VERIFY_EMAIL
        await tx.jobs.add(account_mail(self.new_id(), user.id, template, link_id=link.id))


def welcome_mail(job_id: UUID, user_id: UserId) -> NewJob:
    """Return the job that welcomes an account; it does so once."""
    return NewJob(
        id=job_id,
        kind=WELCOME,
        data={"user_id": str(user_id)},
        owner_id=user_id,
        key=f"welcome:{user_id}",
    )
