"""The identities of an account: listing, unlinking, and the provider's own sign-out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol
from uuid import UUID

from jubilee.domain.account_mail import MailTemplate, account_mail
from jubilee.domain.audit.entry import AuditEvent
from jubilee.domain.clock import Clock
from jubilee.domain.identities.exchange import IdentityTransaction
from jubilee.domain.identities.identity import (
    Identity,
    IdentityNotFound,
    IdentityRepository,
    InvalidLogoutToken,
    ProviderNotFound,
)
from jubilee.domain.identities.provider import Providers, issuers_of
from jubilee.domain.identity import NewId, Principal, UserId
from jubilee.domain.transaction import Begin
from jubilee.domain.users.sign_in_methods import require_sign_in_method

# Ports


class IdentityView(Protocol):
    """What identities are read from."""

    @property
    def identities(self) -> IdentityRepository:
        """The linked identities."""


@dataclass(frozen=True, slots=True)
class IdentityService:
    """Use cases of linked identities."""

    providers: Providers
    write: Begin[IdentityTransaction]
    read: Begin[IdentityView]
    clock: Clock
    new_id: NewId

    async def list_for(self, user_id: UserId) -> Sequence[Identity]:
        """Return the identities of an account, the oldest first."""
        async with self.read() as view:
            return await view.identities.list_for(user_id)

    async def unlink(self, identity_id: UUID, *, by: Principal) -> None:
        """Unlink an identity of the caller; raise IdentityNotFound or LastSignInMethod."""
        async with self.write() as tx:
            user = await tx.users.get(by.user_id, lock=True)
            linked = await tx.identities.list_for(user.id)
            found = next((each for each in linked if each.id == identity_id), None)
            if found is None:
                raise IdentityNotFound
            left = [each.provider for each in linked if each is not found]
            await tx.identities.delete(found.id)
            await require_sign_in_method(tx, user, issuers_of(self.providers))
            provider = left[0] if left else None
            if user.oauth_provider != provider:
                changed = replace(user, oauth_provider=provider, updated_at=self.clock())
                await tx.users.save(changed)
            await tx.audit.record(
                AuditEvent.IDENTITY_UNLINKED,
                actor=user.id,
                subject=user.id,
                provider=found.provider,
            )
            template = MailTemplate.IDENTITIES_CHANGED
            await tx.jobs.add(account_mail(self.new_id(), user.id, template))

    async def end_sessions(self, name: str, logout_token: str) -> None:
        """End the sessions of the account whose person has signed out at the provider.

        A token works once. An identity that is not linked is no error: there is nothing to end.
        """
        provider = self.providers.get(name)
        if provider is None:
            raise ProviderNotFound
        notice = await provider.read_logout(logout_token)
        async with self.write() as tx:
            ticket = f"{notice.issuer}\n{notice.token_id}"
            if not await tx.spent_tickets.add(ticket, until=notice.expires_at):
                raise InvalidLogoutToken
            identity = await tx.identities.find(notice.issuer, notice.subject)
            if identity is None:
                return
            await tx.sessions.end_all(identity.user_id)
            await tx.audit.record(
                AuditEvent.SESSIONS_ENDED,
                actor=None,
                subject=identity.user_id,
                provider=identity.provider,
            )
