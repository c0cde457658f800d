"""Verification of an account's address, and what it is needed for."""

from dataclasses import dataclass, replace

from jubilee.domain.account_email.proven import locked_owner
from jubilee.domain.audit.entry import AuditEvent, record_own
from jubilee.domain.clock import Clock
from jubilee.domain.identity import NewId
from jubilee.domain.one_time.link import LinkProof, LinkPurpose
from jubilee.domain.one_time.proving import LinkProver
from jubilee.domain.transaction import Begin
from jubilee.domain.users.ports import UserTransaction
from jubilee.domain.users.registration import welcome_mail


@dataclass(frozen=True, slots=True)
class VerificationService:
    """Verifies addresses by the mail that registration or a request has sent."""

    write: Begin[UserTransaction]
    prover: LinkProver
    clock: Clock
    new_id: NewId

    async def verify(self, proof: LinkProof, client_ip: str | None) -> None:
        """Note that the account reads mail to its address, and welcome it.

        Raises InvalidLink or TooManyAttempts.
        """
        link = await self.prover.prove(LinkPurpose.VERIFY_EMAIL, proof, client_ip)
        async with self.write() as tx:
            user, now = await locked_owner(tx, link), self.clock()
            await self.prover.use(tx, link)
            await tx.users.save(replace(user, email_verified_at=now, updated_at=now))
            await record_own(tx.audit, AuditEvent.EMAIL_VERIFIED, user.id)
            await tx.jobs.add(welcome_mail(self.new_id(), user.id))
