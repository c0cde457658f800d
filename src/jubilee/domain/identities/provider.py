"""A provider of identities, as sign-in needs it: OpenID Connect, or OAuth 2.0 by an adapter."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeAlias

from jubilee.domain.identities.identity import ProviderClaims


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """What a browser takes to the provider; the verifier (PKCE) stays here."""

    callback_url: str
    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class LogoutNotice:
    """A provider's notice that a person has signed out there; `token_id` is its own."""

    issuer: str
    subject: str
    token_id: str
    expires_at: datetime


# Ports


class SignInProvider(Protocol):
    """One configured provider; everything asked of it is bounded in time and size.

    Raises ProviderUnavailable where it does not answer as it should.
    """

    @property
    def issuer(self) -> str:
        """The issuer of its identities."""

    @property
    def title(self) -> str:
        """Its name for people."""

    @property
    def creates_accounts(self) -> bool:
        """Whether an identity without an account gets a new one."""

    async def authorization_url(self, request: AuthorizationRequest) -> str:
        """Return the address at the provider where a person signs in."""

    async def check_issuer(self, issuer: str | None) -> None:
        """Check `iss` of the provider's answer (RFC 9207); raise InvalidCallback."""

    async def redeem(self, code: str, request: AuthorizationRequest) -> ProviderClaims:
        """Exchange a code for what the provider says about the person.

        Raises InvalidCallback, also if it names another request or issuer.
        """

    async def read_logout(self, token: str) -> LogoutNotice:
        """Verify a logout token; raise InvalidLogoutToken."""


Providers: TypeAlias = Mapping[str, SignInProvider]
"""The configured providers, by the name that is in paths."""


def issuers_of(providers: Providers) -> frozenset[str]:
    """Return the issuers whose identities can sign in; a provider may have been renamed."""
    return frozenset(provider.issuer for provider in providers.values())
