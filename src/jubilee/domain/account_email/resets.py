"""Setting a new password by mail."""

from dataclasses import dataclass, replace

from jubilee.domain.account_email.proven import locked_owner
from jubilee.domain.account_mail import MailTemplate, account_mail
from jubilee.domain.audit.entry import AuditEvent, record_own
from jubilee.domain.clock import Clock
from jubilee.domain.identity import NewId
from jubilee.domain.one_time.link import InvalidLink, LinkProof, LinkPurpose, OneTimeLink
from jubilee.domain.one_time.proving import LinkProver
from jubilee.domain.passwords import PasswordHasher, PasswordRules, hash_new
from jubilee.domain.transaction import Begin
from jubilee.domain.users.changes import end_tokens
from jubilee.domain.users.ports import UserTransaction, UserView
from jubilee.domain.users.user import UserNotFound

BY_MAIL = "mail"


@dataclass(frozen=True, slots=True)
class PasswordResetService:
    """Sets a new password for an account that proves to read its mail."""

    write: Begin[UserTransaction]
    read: Begin[UserView]
    prover: LinkProver
    hasher: PasswordHasher
    rules: PasswordRules
    clock: Clock
    new_id: NewId

    async def reset(self, proof: LinkProof, password: str, client_ip: str | None) -> None:
        """Set the password, end sessions, tokens and other links, and notify the account by mail.

        A link that restores a former address stays: the address that reads this mail may have been
        put in its place by an attacker.
        The proof stays usable if the password is refused. Raises InvalidLink, TooManyAttempts,
        HasherBusy or what the rules for passwords raise.
        """
        link = await self.prover.prove(LinkPurpose.RESET_PASSWORD, proof, client_ip)
        password_hash = await self._hash(link, password)
        async with self.write() as tx:
            user, now = await locked_owner(tx, link), self.clock()
            await self.prover.use(tx, link)
            verified = user.email_verified_at or now
            await tx.users.save(
                replace(
                    user,
                    password_hash=password_hash,
                    email_verified_at=verified,
                    updated_at=now,
                )
            )
            await tx.sessions.end_all(user.id)
            await tx.one_time.end_all(user.id, now=now, but=LinkPurpose.UNDO_EMAIL)
            await record_own(tx.audit, AuditEvent.PASSWORD_CHANGED, user.id, reason=BY_MAIL)
            await record_own(tx.audit, AuditEvent.SESSIONS_ENDED, user.id)
            await end_tokens(tx, user.id, by=user.id)
            notice = account_mail(self.new_id(), user.id, MailTemplate.PASSWORD_CHANGED)
            await tx.jobs.add(notice)

    async def _hash(self, link: OneTimeLink, password: str) -> str:
        try:
            async with self.read() as view:
                user = await view.users.get(link.user_id)
        except UserNotFound:
            raise InvalidLink from None
        return await hash_new(
            self.hasher, self.rules, password, (user.email, user.username, user.full_name)
        )
