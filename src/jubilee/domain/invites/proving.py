"""Finds the invite that a mailed link or the code beside it belongs to."""

from dataclasses import dataclass
from typing import Protocol

from jubilee.domain.attempts.attempt import PasswordAttempt
from jubilee.domain.attempts.guard import AttemptGuard
from jubilee.domain.audit.entry import AuditEvent, AuditTransaction
from jubilee.domain.clock import Clock
from jubilee.domain.invites.invite import InvalidInvite, Invite, InviteReader
from jubilee.domain.one_time.link import LinkProof, LinkToken, TypedCode
from jubilee.domain.one_time.secrets import LinkSecrets, token_hash
from jubilee.domain.transaction import Begin

PURPOSE = "invite"
"""Of the attempts at codes, and of the refusals in the audit log."""


class PendingInviteView(Protocol):
    """The view that invites are looked up in."""

    @property
    def invites(self) -> InviteReader:
        """The pending invites."""


@dataclass(frozen=True, slots=True)
class InviteProver:
    """Finds the invite that a request presents; the invite stays usable."""

    write: Begin[AuditTransaction]
    read: Begin[PendingInviteView]
    guard: AttemptGuard
    secrets: LinkSecrets
    clock: Clock

    async def prove(self, proof: LinkProof, address: str | None) -> Invite:
        """Return the pending invite of a token or code; `address` is the client's.

        Codes are guessed at one address, invited or not, as often as passwords at one account, and
        each refusal is recorded. Raises InvalidInvite or TooManyAttempts.
        """
        if isinstance(proof, LinkToken):
            return await self._by_token(proof)
        attempt = PasswordAttempt.mailed_code(PURPOSE, proof.recipient, address)
        async with self.guard.attempt(attempt):
            return await self._by_code(proof)

    async def _by_token(self, proof: LinkToken) -> Invite:
        async with self.read() as view:
            invite = await view.invites.find_by_token(token_hash(proof.token))
        if invite is None or not self._is_pending(invite):
            raise InvalidInvite
        return invite

    async def _by_code(self, proof: TypedCode) -> Invite:
        async with self.read() as view:
            invite = await view.invites.find_by_email(proof.recipient)
        if invite and self._is_pending(invite) and self.secrets.is_code(invite, proof.code):
            return invite
        async with self.write() as tx:
            event = AuditEvent.MAIL_CODE_REFUSED
            await tx.audit.record(event, actor=None, subject=None, reason=PURPOSE)
        raise InvalidInvite

    def _is_pending(self, invite: Invite) -> bool:
        return self.clock() < invite.expires_at
