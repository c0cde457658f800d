"""Settings of second factors."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import NoDecode

from jubilee.settings.group import SettingsGroup, comma_separated

ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(?::[1-9][0-9]{0,4})?")


def _web_origin(text: str) -> str:
    if ORIGIN.fullmatch(text) is None:
        raise ValueError("an origin is https://host or https://host:port")
    return text


class FactorSettings(SettingsGroup):
    """Who must have a second factor, and what apps and browsers show."""

    mfa_required: Literal["off", "admins", "all"] = Field(
        "off", description="accounts that must have a second factor: off, admins or all"
    )
    service_name: str = Field(
        "Jubilee",
        min_length=1,
        max_length=64,
        description="name of the service in authenticator apps and in dialogs of passkeys",
    )
    passkey_domain: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$",
        description="domain that passkeys belong to, the relying party; by default that of"
        " PUBLIC_URL, else localhost",
    )
    passkey_origins: Annotated[
        tuple[Annotated[str, AfterValidator(_web_origin)], ...],
        NoDecode,
        BeforeValidator(comma_separated),
    ] = Field(
        (),
        description="origins whose pages may use passkeys, in PASSKEY_DOMAIN; by default that of"
        " PUBLIC_URL, else http://localhost with PORT",
    )
