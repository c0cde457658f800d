"""Settings of sign-in by other providers."""

import re
from functools import cache
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    SecretStr,
    TypeAdapter,
    ValidationError,
)
from pydantic_settings import NoDecode

from jubilee.settings.group import SettingsGroup, comma_separated

REDIRECT = re.compile(r"[a-z][a-z0-9+.-]*://[!\"$-~]+", re.IGNORECASE)
MAX_REDIRECT_CHARS = 500


class ProviderSettings(
    BaseModel, extra="forbid", frozen=True, hide_input_in_errors=True, defer_build=True
):
    """One provider, an object in OIDC_PROVIDERS."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
    kind: Literal["oidc", "github"] = "oidc"
    title: str = Field("", max_length=100)
    issuer: Annotated[str, Field(pattern=r"^https?://[!-~]+$")] | None = None
    client_id: str = Field(min_length=1)
    client_secret: SecretStr | None = None
    scopes: tuple[str, ...] = ()
    private: bool = False
    sign_up: bool = True


@cache  # most processes have no provider
def _providers_adapter() -> TypeAdapter[tuple[ProviderSettings, ...]]:
    return TypeAdapter(tuple[ProviderSettings, ...])


def parse_providers(text: str) -> tuple[ProviderSettings, ...]:
    """Parse a JSON array of providers; raise ValueError, which quotes nothing of it."""
    try:
        found = _providers_adapter().validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = "/".join(str(part) for part in first["loc"])
        raise ValueError(f"it is no JSON array of providers: {place}: {first['msg']}") from None
    names = [provider.name for provider in found]
    if len(set(names)) < len(names):
        raise ValueError("each provider needs a name of its own")
    if any(each.kind == "oidc" and each.issuer is None for each in found):
        raise ValueError("a provider of OpenID Connect needs its issuer")
    return found


def _providers(secret: SecretStr) -> SecretStr:
    parse_providers(secret.get_secret_value())
    return secret


def _redirect(text: str) -> str:
    is_script = text.lower().startswith(("javascript:", "data:", "vbscript:"))
    if is_script or len(text) > MAX_REDIRECT_CHARS or REDIRECT.fullmatch(text) is None:
        raise ValueError("an address is scheme://…, without a fragment")
    return text


class IdentityProviderSettings(SettingsGroup):
    """Providers to sign in with, and the addresses that browsers return to."""

    oidc_providers: Annotated[SecretStr, AfterValidator(_providers)] | None = Field(
        None,
        description="providers of sign-in (OpenID Connect, GitHub), a JSON array of objects with"
        " name, issuer, client_id and client_secret; needs PUBLIC_URL and OIDC_REDIRECTS",
    )
    oidc_redirects: Annotated[
        tuple[Annotated[str, AfterValidator(_redirect)], ...],
        NoDecode,
        BeforeValidator(comma_separated),
    ] = Field(
        (), description="whole addresses of the clients that a sign-in by a provider returns to"
    )

    @property
    def identity_providers(self) -> tuple[ProviderSettings, ...]:
        """The configured providers."""
        given = self.oidc_providers
        return () if given is None else parse_providers(given.get_secret_value())
