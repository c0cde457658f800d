"""Providers of sign-in, from the settings."""

from collections.abc import Mapping
from secrets import token_urlsafe
from time import monotonic

from jubilee.adapters.oidc.client import ProviderClient
from jubilee.adapters.oidc.discovery import IssuerDirectory
from jubilee.adapters.oidc.github import ISSUER as GITHUB
from jubilee.adapters.oidc.github import SCOPES as GITHUB_SCOPES
from jubilee.adapters.oidc.github import GitHubProvider
from jubilee.adapters.oidc.openid import ClientRegistration, OpenIdProvider
from jubilee.bootstrap.outbound import http_sender
from jubilee.domain.identities.flow import FlowRules
from jubilee.domain.identities.provider import SignInProvider
from jubilee.domain.outbound.sending import HttpSender, RequestTimeouts
from jubilee.settings import Settings
from jubilee.settings.identity_providers import ProviderSettings

TIMEOUTS = RequestTimeouts(connect_s=2.0, read_s=3.0, total_s=4.0)
OPENID_SCOPES = ("openid", "email", "profile")
SECRET_BYTES = 32


def flow_rules(settings: Settings) -> FlowRules:
    """Return where sign-ins come back to."""
    callback = f"{settings.public_url or ''}/auth/oidc/{{provider}}/callback"
    return FlowRules(callback, settings.oidc_redirects)


def make_secret() -> str:
    """Return 256 random bits for a URL."""
    return token_urlsafe(SECRET_BYTES)


def sign_in_providers(settings: Settings) -> Mapping[str, SignInProvider]:
    """Build the configured providers; without any, no certificates are loaded."""
    configured = settings.identity_providers
    if not configured:
        return {}
    sender = http_sender(TIMEOUTS)
    return {each.name: make_provider(each, sender) for each in configured}


def make_provider(chosen: ProviderSettings, sender: HttpSender) -> SignInProvider:
    """Build one provider."""
    is_github = chosen.kind == "github"
    issuer = chosen.issuer or GITHUB
    secret = chosen.client_secret
    registration = ClientRegistration(
        issuer=issuer,
        client_id=chosen.client_id,
        client_secret=None if secret is None else secret.get_secret_value(),
        scopes=chosen.scopes or (GITHUB_SCOPES if is_github else OPENID_SCOPES),
        title=chosen.title or chosen.name.capitalize(),
        creates_accounts=chosen.sign_up,
    )
    client = ProviderClient(sender, monotonic, private=chosen.private)
    if is_github:
        return GitHubProvider(registration, client)
    return OpenIdProvider(registration, client, IssuerDirectory(issuer, client, monotonic))
