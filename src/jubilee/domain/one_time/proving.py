"""Checks and uses one-time links."""

from dataclasses import dataclass

from jubilee.domain.attempts.attempt import PasswordAttempt
from jubilee.domain.attempts.guard import AttemptGuard
from jubilee.domain.audit.entry import AuditEvent, AuditTransaction
from jubilee.domain.clock import Clock
from jubilee.domain.one_time.link import (
    InvalidLink,
    LinkProof,
    LinkPurpose,
    LinkToken,
    OneTimeLink,
    OneTimeTransaction,
    OneTimeView,
    TypedCode,
)
from jubilee.domain.one_time.secrets import LinkSecrets, token_hash
from jubilee.domain.transaction import Begin


@dataclass(frozen=True, slots=True)
class LinkProver:
    """Finds the link that a request presents, and uses it.

    `prove` changes nothing; `use` ends the link in the transaction of its effect: exactly one of
    parallel requests gets there.
    """

    write: Begin[AuditTransaction]
    read: Begin[OneTimeView]
    guard: AttemptGuard
    secrets: LinkSecrets
    clock: Clock

    async def prove(
        self, purpose: LinkPurpose, proof: LinkProof, address: str | None
    ) -> OneTimeLink:
        """Return the live link that the proof belongs to; it stays usable.

        Codes are guessed at one address, known or not, as often as passwords at one account, and
        each refusal is recorded. `address` is the client's. Raises InvalidLink or TooManyAttempts.
        """
        if isinstance(proof, LinkToken):
            return await self._by_token(purpose, proof)
        attempt = PasswordAttempt.mailed_code(purpose, proof.recipient, address)
        async with self.guard.attempt(attempt):
            return await self._by_code(purpose, proof)

    async def use(self, tx: OneTimeTransaction, link: OneTimeLink) -> None:
        """End the link; raise InvalidLink unless it was live until now."""
        if not await tx.one_time.end(link.id, now=self.clock()):
            raise InvalidLink

    async def _by_token(self, purpose: LinkPurpose, proof: LinkToken) -> OneTimeLink:
        async with self.read() as view:
            link = await view.one_time.find_by_token(purpose, token_hash(proof.token))
        if link is None or not self._is_live(link):
            raise InvalidLink
        return link

    async def _by_code(self, purpose: LinkPurpose, proof: TypedCode) -> OneTimeLink:
        async with self.read() as view:
            link = await view.one_time.find_by_recipient(purpose, proof.recipient)
        if link is not None and self._is_live(link) and self.secrets.is_code(link, proof.code):
            return link
        subject, reason = None if link is None else link.user_id, purpose.value
        async with self.write() as tx:
            event = AuditEvent.MAIL_CODE_REFUSED
            await tx.audit.record(event, actor=None, subject=subject, reason=reason)
        raise InvalidLink

    def _is_live(self, link: OneTimeLink) -> bool:
        return link.is_live(self.clock())
