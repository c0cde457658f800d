"""Passkeys over the real adapters."""

from jubilee.adapters.webauthn_passkeys import RelyingParty, WebAuthnPasskeys
from jubilee.settings import Settings
from jubilee.urls.public import host_of, origin_of


def webauthn_passkeys(settings: Settings) -> WebAuthnPasskeys:
    """Build the verifier for the domain and the origins of the settings, else of PUBLIC_URL."""
    url = settings.public_url or f"http://localhost:{settings.port}"
    domain = settings.passkey_domain or host_of(url)
    origins = settings.passkey_origins or (origin_of(url),)
    return WebAuthnPasskeys(RelyingParty(domain, settings.service_name, origins))
