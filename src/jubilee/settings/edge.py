"""Settings of what lies before the API: proxies, host names, browsers."""

import re
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field
from pydantic_settings import NoDecode

from jubilee.domain.ip_addresses import Network
from jubilee.domain.outbound.address_policy import AllowedHost
from jubilee.domain.rate_limits.quotas import SYNTAX, parse_quotas
from jubilee.settings.group import SettingsGroup, comma_separated
from jubilee.urls.public import checked_public_url

ANY = "*"
LOCAL_ORIGINS = ("http://localhost:*",)  # with any port
ORIGIN = re.compile(
    r"\*|[a-z][a-z0-9+.-]*://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::(?:[0-9]{1,5}|\*))?"
)

URL_REST = r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+;=%-]*"  # no comma, as commas separate contacts
PAGE = re.compile(rf"https?://[A-Za-z0-9.\[]{URL_REST}")
CONTACT = re.compile(rf"mailto:[^\s,@]+@[^\s,@]+|https://[A-Za-z0-9.\[]{URL_REST}|tel:\+?[0-9-]+")


def _origins(value: object) -> object:
    """Split a JSON list or a comma-separated string."""
    if not isinstance(value, str):
        return value
    parts = value.strip().removeprefix("[").removesuffix("]").split(",")
    return tuple(part.strip().strip("\"'").rstrip("/").lower() for part in parts if part.strip())


def _origin(text: str) -> str:
    if ORIGIN.fullmatch(text) is None:
        raise ValueError("an origin is scheme://host, scheme://host:port, scheme://host:* or *")
    return text


def _host(text: str) -> str:
    if text != ANY:
        AllowedHost.parse(text)
    return text.lower()


def _rate_limits(text: str) -> str:
    parse_quotas(text)
    return text


def _page(text: str) -> str:
    if PAGE.fullmatch(text) is None:
        raise ValueError("it is no URL of a page")
    return text


def _contact(text: str) -> str:
    if CONTACT.fullmatch(text) is None:
        raise ValueError("a contact is mailto:name@host, https://host/path or tel:+number")
    return text


class EdgeSettings(SettingsGroup):
    """Trusted proxies, host names, published addresses, rate limits, allowed origins."""

    trusted_proxies: Annotated[tuple[Network, ...], NoDecode, BeforeValidator(comma_separated)] = (
        Field(
            (),
            description="networks of proxies whose X-Forwarded-For or Forwarded names the client",
        )
    )
    public_url: Annotated[str, AfterValidator(checked_public_url)] | None = Field(
        None, description="URL of the service for mails and for the OpenAPI document"
    )
    change_password_url: Annotated[str, AfterValidator(_page)] | None = Field(
        None, description="page where passwords are changed; by default the API's documentation"
    )
    security_contact: Annotated[
        tuple[Annotated[str, AfterValidator(_contact)], ...],
        NoDecode,
        BeforeValidator(comma_separated),
    ] = Field(
        (),
        description="mailto:, https: or tel: URIs for reports of vulnerabilities (security.txt)",
    )
    security_txt_expires: AwareDatetime | None = Field(
        None, description="when SECURITY_CONTACT may be out of date; by default in 180 days"
    )
    trusted_hosts: Annotated[
        tuple[Annotated[str, AfterValidator(_host)], ...],
        NoDecode,
        BeforeValidator(comma_separated),
    ] = Field(
        (),
        description="accepted Host names: host, *.host, host:port or *; by default any in "
        "development, elsewhere the host of PUBLIC_URL if that is set",
    )
    rate_limits: Annotated[str, AfterValidator(_rate_limits)] = Field(
        "on", description=f"limits of the rate of requests: {SYNTAX}"
    )
    backend_cors_origins: Annotated[
        tuple[Annotated[str, AfterValidator(_origin)], ...] | None,
        NoDecode,
        BeforeValidator(_origins),
    ] = Field(
        None,
        description="origins whose pages may call the API (CORS), or *; by default "
        "http://localhost with any port in development, elsewhere none",
    )
    cors_allow_credentials: bool = Field(
        False, description="whether these pages may send cookies; not with *"
    )
