"""An identity at a provider, linked with an account; issuer and subject are its key."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from jubilee.domain.errors import Conflict, Invalid, LimitReached, NotFound, Unavailable
from jubilee.domain.identity import UserId

MAX_IDENTITIES = 20  # of one account


class ProviderNotFound(NotFound):
    """There is no provider of this name."""

    code = "provider_not_found"


class ProviderUnavailable(Unavailable):
    """The provider does not answer as it should; try again shortly, or sign in another way."""

    code = "provider_unavailable"


class RedirectNotAllowed(Invalid):
    """`redirect_to` is not one of the addresses that the service redirects to."""

    code = "redirect_not_allowed"


class InvalidCallback(Invalid):
    """The answer of the provider does not belong to a sign-in that this browser has begun."""

    code = "invalid_callback"


class InvalidLogoutToken(Invalid):
    """The logout token is not valid."""

    code = "invalid_logout_token"


class IdentityNotFound(NotFound):
    """The identity does not exist or is not linked with your account."""

    code = "identity_not_found"


class IdentityNotLinked(Conflict):
    """No account is linked with this identity, and none can be created for it."""

    code = "identity_not_linked"


class IdentityTaken(Conflict):
    """The identity is linked with an account already."""

    code = "identity_taken"


class TooManyIdentities(LimitReached):
    """The account has as many identities as it may have."""

    code = "too_many_identities"


@dataclass(frozen=True, slots=True)
class ProviderClaims:
    """What a provider has said about the person who signed in there."""

    issuer: str
    subject: str
    """At most 255 printable characters of ASCII, as OpenID Connect has it."""
    email: str | None = None
    """None, too, if an account cannot have it."""
    is_email_verified: bool = False
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """An identity that is linked with an account; `email` is the provider's."""

    id: UUID
    user_id: UserId
    provider: str
    issuer: str
    subject: str = field(repr=False)
    email: str | None = field(repr=False)
    created_at: datetime
    last_used_at: datetime


# Ports


class IdentityRepository(Protocol):
    """The linked identities."""

    async def find(self, issuer: str, subject: str) -> Identity | None:
        """Return the identity of this key."""

    async def list_for(self, user_id: UserId) -> Sequence[Identity]:
        """Return the identities of the account, the oldest first."""

    async def add(self, identity: Identity) -> None:
        """Insert the identity; raise IdentityTaken."""

    async def save(self, identity: Identity) -> None:
        """Update address and time of use."""

    async def delete(self, identity_id: UUID) -> None:
        """Delete the identity; sessions that it has opened go on."""


class SpentTicketRepository(Protocol):
    """Tickets that have been used; only their hashes are stored, and no longer than they live."""

    async def add(self, ticket: str, *, until: datetime) -> bool:
        """Note that the ticket is used; return whether it was not before."""
