"""GitHub, and GitHub Enterprise Server: OAuth 2.0 without discovery and ID tokens."""

from jubilee.adapters.oidc.client import OK, ProviderClient
from jubilee.adapters.oidc.openid import (
    ClientRegistration,
    address_of,
    authorization_url,
    text_of,
    token_form,
)
from jubilee.domain.identities.identity import (
    InvalidCallback,
    InvalidLogoutToken,
    ProviderClaims,
    ProviderUnavailable,
)
from jubilee.domain.identities.provider import AuthorizationRequest, LogoutNotice, SignInProvider

ISSUER = "https://github.com"
API = "https://api.github.com"
SCOPES = ("read:user", "user:email")


class GitHubProvider(SignInProvider):
    """Signs in by an OAuth app; the API says who it is, by the id of the account."""

    def __init__(self, registration: ClientRegistration, client: ProviderClient) -> None:
        self._registration = registration
        self._client = client
        self._base = registration.issuer.rstrip("/")
        self._api = API if registration.issuer == ISSUER else f"{self._base}/api/v3"

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
        endpoint = f"{self._base}/login/oauth/authorize"
        return authorization_url(endpoint, self._registration, request, {})

    async def check_issuer(self, issuer: str | None) -> None:
        if issuer not in {None, self._registration.issuer, f"{self._base}/login/oauth"}:
            raise InvalidCallback

    async def redeem(self, code: str, request: AuthorizationRequest) -> ProviderClaims:
        form = token_form(code, request)
        form["client_id"] = self._registration.client_id
        form["client_secret"] = self._registration.client_secret or ""
        answer = await self._client.post(f"{self._base}/login/oauth/access_token", form, {})
        token = answer.members.get("access_token")
        if not isinstance(token, str):  # a refused code is answered with 200 and an error
            raise InvalidCallback
        user = (await self._client.get(f"{self._api}/user", token=token)).members
        if not isinstance(user.get("id"), int):
            raise ProviderUnavailable(reason="the answer does not name the account")
        emails = await self._client.get(f"{self._api}/user/emails", token=token)
        email = _primary(emails.content if emails.status == OK else None)
        return ProviderClaims(
            issuer=self._registration.issuer,
            subject=str(user["id"]),
            email=email,
            is_email_verified=email is not None,
            name=text_of(user.get("name")),
        )

    async def read_logout(self, token: str) -> LogoutNotice:
        """Refuse it: GitHub sends no logout tokens."""
        del token
        raise InvalidLogoutToken


def _primary(emails: object) -> str | None:
    """Return the primary address, if it is verified."""
    for each in emails if isinstance(emails, list) else []:
        if isinstance(each, dict) and each.get("primary") is True and each.get("verified") is True:
            return address_of(each.get("email"))
    return None
