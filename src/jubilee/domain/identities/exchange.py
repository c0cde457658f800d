"""The end of a sign-in by a provider: its code is exchanged for tokens, or for a link."""

import hmac
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Protocol

from jubilee.domain.account_mail import MailTemplate, account_mail
from jubilee.domain.audit.entry import AuditEvent, AuditRows
from jubilee.domain.auth.admission import SignInMethod
from jubilee.domain.auth.opening import OpeningTransaction, SessionOpener, Tokens, require_tokens
from jubilee.domain.auth.sessions import AccountSessions, ClientInfo
from jubilee.domain.auth.tokens import InvalidGrant
from jubilee.domain.base64url import encode_base64url
from jubilee.domain.clock import Clock
from jubilee.domain.identities.flow import FlowTransaction
from jubilee.domain.identities.identity import (
    MAX_IDENTITIES,
    Identity,
    IdentityNotLinked,
    IdentityRepository,
    TooManyIdentities,
)
from jubilee.domain.identities.provider import Providers
from jubilee.domain.identities.tickets import CodeTicket, TicketSealer, expires_at, open_code
from jubilee.domain.identity import NewId, Principal, UserId, name_key
from jubilee.domain.names import InvalidFullName, normalized_full_name
from jubilee.domain.transaction import Begin
from jubilee.domain.users.ports import UserTransaction, UserView
from jubilee.domain.users.service import UserService
from jubilee.domain.users.sign_in_methods import SignInMethodReader
from jubilee.domain.users.user import EmailTaken, Profile, User

# Ports


class IdentityTransaction(UserTransaction, OpeningTransaction, FlowTransaction, Protocol):
    """The repositories that linking identities needs in one transaction."""

    @property
    def audit(self) -> AuditRows:
        """The audit log."""

    @property
    def passkeys(self) -> SignInMethodReader:
        """The passkeys."""

    @property
    def sessions(self) -> AccountSessions:
        """The sessions of accounts."""

    @property
    def identities(self) -> IdentityRepository:
        """The linked identities."""


@dataclass(frozen=True, slots=True)
class IdentityExchange:
    """Exchanges codes, each of them once."""

    providers: Providers
    write: Begin[IdentityTransaction]
    read: Begin[UserView]
    sealer: TicketSealer
    opener: SessionOpener
    users: UserService
    clock: Clock
    new_id: NewId

    async def sign_in(self, code: str, verifier: str | None, client: ClientInfo) -> Tokens:
        """Open a session of the account that the identity is linked with, or of a new one.

        Raises InvalidGrant for a code that is not valid and for an account that is disabled or
        locked, IdentityNotLinked, EmailNotVerified or MfaRequired.
        """
        ticket = self._opened(code, verifier)
        try:
            known = await self._known_address(ticket)
            async with self.write() as tx:
                user = await self._user(tx, ticket, known)
                await self._spend(tx, ticket)
                opened = await self.opener.open(tx, user, client, SignInMethod.PROVIDER)
        except EmailTaken:
            raise IdentityNotLinked from None
        return require_tokens(opened)

    async def link(self, code: str, verifier: str, *, by: Principal) -> Identity:
        """Link the identity with the caller's account; raise InvalidGrant or IdentityTaken.

        The verifier proves that the code is of a flow that the same client has begun: a code that
        was planted in its page would link the identity of another person.
        """
        ticket = self._opened(code, verifier)
        if ticket.challenge is None:
            raise InvalidGrant
        async with self.write() as tx:
            user = await tx.users.get(by.user_id, lock=True)
            identity = await self._linked(tx, user, ticket)
            await self._spend(tx, ticket)
            return identity

    def _opened(self, code: str, verifier: str | None) -> CodeTicket:
        ticket = open_code(self.sealer, code, self.clock())
        if ticket is None or ticket.provider not in self.providers:
            raise InvalidGrant
        if ticket.challenge is not None and not _matches(ticket.challenge, verifier):
            raise InvalidGrant
        return ticket

    async def _spend(self, tx: IdentityTransaction, ticket: CodeTicket) -> None:
        """A code whose use is refused stays usable: an account may be linked with it instead."""
        if not await tx.spent_tickets.add(ticket.id, until=expires_at(ticket)):
            raise InvalidGrant

    async def _known_address(self, ticket: CodeTicket) -> UserId | None:
        """Return the account that has the address, if the provider has verified it."""
        claims = ticket.claims
        if claims.email is None or not claims.is_email_verified:
            return None
        async with self.read() as view:
            user = await view.users.find_by_login(claims.email)
        return None if user is None else user.id

    async def _user(
        self, tx: IdentityTransaction, ticket: CodeTicket, known: UserId | None
    ) -> User:
        claims = ticket.claims
        identity = await tx.identities.find(claims.issuer, claims.subject)
        if identity is None and known is not None:
            return await self._recognized(tx, ticket, known)
        if identity is None:
            return await self._registered(tx, ticket)
        user = await tx.users.get(identity.user_id, lock=True)
        if await tx.identities.find(claims.issuer, claims.subject) is None:
            raise IdentityNotLinked  # unlinked since it was found
        used = replace(identity, email=claims.email, last_used_at=self.clock())
        await tx.identities.save(used)
        return user

    async def _recognized(self, tx: IdentityTransaction, ticket: CodeTicket, known: UserId) -> User:
        """Link the account that has the same address, where both sides have verified it.

        A person who registered with an address without verifying it may not be its owner.
        """
        user = await tx.users.get(known, lock=True)
        address = name_key(ticket.claims.email or "")
        if not user.email_verified or name_key(user.email) != address:
            raise IdentityNotLinked
        await self._linked(tx, user, ticket)
        return await tx.users.get(user.id)

    async def _registered(self, tx: IdentityTransaction, ticket: CodeTicket) -> User:
        """Create an account of an address that the provider has verified."""
        claims = ticket.claims
        email = claims.email if claims.is_email_verified else None
        may_create = self.providers[ticket.provider].creates_accounts
        if email is None or not may_create:
            raise IdentityNotLinked
        profile = Profile(email=email, full_name=_full_name(claims.name))
        user = self.users.new_user(profile, None, is_verified=True)
        await self.users.add(tx, user)
        await self._linked(tx, user, ticket)
        return await tx.users.get(user.id)

    async def _linked(self, tx: IdentityTransaction, user: User, ticket: CodeTicket) -> Identity:
        if len(await tx.identities.list_for(user.id)) >= MAX_IDENTITIES:
            raise TooManyIdentities
        identity = self._new_identity(user, ticket)
        await tx.identities.add(identity)
        if user.oauth_provider is None:
            at = identity.created_at
            await tx.users.save(replace(user, oauth_provider=ticket.provider, updated_at=at))
        await tx.audit.record(
            AuditEvent.IDENTITY_LINKED,
            actor=user.id,
            subject=user.id,
            provider=ticket.provider,
        )
        template = MailTemplate.IDENTITIES_CHANGED
        await tx.jobs.add(account_mail(self.new_id(), user.id, template))
        return identity

    def _new_identity(self, user: User, ticket: CodeTicket) -> Identity:
        now, claims = self.clock(), ticket.claims
        return Identity(
            id=self.new_id(),
            user_id=user.id,
            provider=ticket.provider,
            issuer=claims.issuer,
            subject=claims.subject,
            email=claims.email,
            created_at=now,
            last_used_at=now,
        )


def challenge_of(verifier: str) -> str:
    """Return the S256 code challenge (RFC 7636) of a verifier."""
    return encode_base64url(sha256(verifier.encode()).digest())


def _matches(challenge: str, verifier: str | None) -> bool:
    return verifier is not None and hmac.compare_digest(challenge, challenge_of(verifier))


def _full_name(name: str | None) -> str | None:
    """Return the name as an account can have it; None where the rules for names refuse it."""
    try:
        return None if name is None else normalized_full_name(name)
    except InvalidFullName:
        return None
