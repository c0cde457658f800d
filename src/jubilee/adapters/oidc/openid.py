"""A provider by OpenID Connect, found by discovery."""

from base64 import b64encode
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from jubilee.adapters.oidc.client import ProviderClient
from jubilee.adapters.oidc.discovery import IssuerDirectory, IssuerEndpoints
from jubilee.adapters.oidc.id_tokens import TokenRefused, TokenVerifier
from jubilee.domain.identities.exchange import challenge_of
from jubilee.domain.identities.identity import InvalidCallback, InvalidLogoutToken, ProviderClaims
from jubilee.domain.identities.provider import AuthorizationRequest, LogoutNotice, SignInProvider
from jubilee.domain.mail_addresses import is_mail_address


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientRegistration:
    """This service as a client of a provider."""

    issuer: str
    client_id: str
    client_secret: str | None = field(repr=False)
    """None for a public client, which PKCE alone protects."""
    scopes: tuple[str, ...]
    title: str
    creates_accounts: bool


class OpenIdProvider(SignInProvider):
    """Signs in by the authorization code flow; the ID token says who it is."""

    def __init__(
        self, registration: ClientRegistration, client: ProviderClient, directory: IssuerDirectory
    ) -> None:
        self._registration = registration
        self._client = client
        self._directory = directory
        self._verifier = TokenVerifier(directory, registration.issuer, registration.client_id)

    @property
    def issuer(self) -> str:
        return self._registration.issuer

    @property
    def title(self) -> str:
        return self._registration.title

    @property
    def creates_accounts(self) -> bool:
        return self._registration.creates_accounts

    async def authorization_url(self, request: AuthorizationRequest) -> str:
        endpoints = await self._directory.endpoints()
        extra = {"nonce": request.nonce}
        return authorization_url(endpoints.authorization, self._registration, request, extra)

    async def check_issuer(self, issuer: str | None) -> None:
        endpoints = await self._directory.endpoints()
        is_missing = issuer is None and endpoints.names_itself
        if is_missing or issuer not in {None, self._registration.issuer}:
            raise InvalidCallback

    async def redeem(self, code: str, request: AuthorizationRequest) -> ProviderClaims:
        endpoints = await self._directory.endpoints()
        form = token_form(code, request)
        headers = self._authentication(endpoints, form)
        tokens = (await self._client.post(endpoints.token, form, headers)).members
        try:
            claims = await self._verifier.id_token(str(tokens.get("id_token", "")), request.nonce)
        except TokenRefused as error:
            raise InvalidCallback from error
        return await self._with_address(claims, endpoints, tokens.get("access_token"))

    async def read_logout(self, token: str) -> LogoutNotice:
        try:
            return await self._verifier.logout(token)
        except TokenRefused as error:
            raise InvalidLogoutToken from error

    async def _with_address(
        self, claims: dict[str, Any], endpoints: IssuerEndpoints, access_token: object
    ) -> ProviderClaims:
        """Ask for what is not in the ID token; it counts for the same subject only."""
        if "email" not in claims and endpoints.userinfo and isinstance(access_token, str):
            found = (await self._client.get(endpoints.userinfo, token=access_token)).members
            if found.get("sub") == claims["sub"]:
                claims = {**found, **claims}
        return ProviderClaims(
            issuer=self._registration.issuer,
            subject=claims["sub"],
            email=address_of(claims.get("email")),
            is_email_verified=claims.get("email_verified") in (True, "true"),  # which may be a list
            name=text_of(claims.get("name")),
        )

    def _authentication(self, endpoints: IssuerEndpoints, form: dict[str, str]) -> dict[str, str]:
        """Return the headers of the client's authentication, or add it to the form."""
        client_id, secret = self._registration.client_id, self._registration.client_secret
        if secret is None or not endpoints.takes_basic:
            form["client_id"] = client_id
            if secret is not None:
                form["client_secret"] = secret
            return {}
        # RFC 6749, 2.3.1: both are form-encoded first.
        credentials = f"{quote(client_id, safe='')}:{quote(secret, safe='')}"
        return {"authorization": f"Basic {b64encode(credentials.encode()).decode()}"}


def authorization_url(
    endpoint: str,
    registration: ClientRegistration,
    request: AuthorizationRequest,
    extra: dict[str, str],
) -> str:
    """Return the address of an authorization request with PKCE (S256)."""
    query = {
        "response_type": "code",
        "client_id": registration.client_id,
        "redirect_uri": request.callback_url,
        "scope": " ".join(registration.scopes),
        "state": request.state,
        "code_challenge": challenge_of(request.verifier),
        "code_challenge_method": "S256",
        **extra,
    }
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"


def token_form(code: str, request: AuthorizationRequest) -> dict[str, str]:
    """Return the form of a token request."""
    return {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": request.callback_url,
        "code_verifier": request.verifier,
    }


def address_of(value: object) -> str | None:
    """Return a claim if it is an e-mail address that an account can have."""
    return value if isinstance(value, str) and is_mail_address(value) else None


def text_of(value: object) -> str | None:
    """Return a claim if it is a text."""
    return value if isinstance(value, str) and value else None
