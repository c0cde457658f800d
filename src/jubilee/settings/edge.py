"""Settings of what the API takes from proxies and browsers: addresses, origins."""

from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic_settings import NoDecode

from jubilee.domain.ip_addresses import Network
from jubilee.settings.group import SettingsGroup, comma_separated


def _origins(value: object) -> object:
    """Split a JSON list or a comma-separated string."""
    if not isinstance(value, str):
        return value
    parts = value.strip().removeprefix("[").removesuffix("]").split(",")
    return tuple(part.strip().strip("\"'").rstrip("/") for part in parts if part.strip())


class EdgeSettings(SettingsGroup):
    """Trusted proxies, allowed origins."""

    trusted_proxies: Annotated[tuple[Network, ...], NoDecode, BeforeValidator(comma_separated)] = (
        Field(
            (),
            description="networks of proxies whose X-Forwarded-For or Forwarded names the client",
        )
    )
    backend_cors_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_origins)] = Field(
        (), description="origins whose pages may call the API (CORS)"
    )
