"""Settings of the API: limits of requests, shutdown, CORS."""

from typing import Annotated

from pydantic import BeforeValidator, Field, NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic_settings import NoDecode

from jubilee.settings.group import SettingsGroup


def _origins(value: object) -> object:
    """Split a JSON list or a comma-separated string."""
    if not isinstance(value, str):
        return value
    parts = value.strip().removeprefix("[").removesuffix("]").split(",")
    return tuple(part.strip().strip("\"'").rstrip("/") for part in parts if part.strip())


class RequestSettings(SettingsGroup):
    """Size and time limits of requests, allowed origins, shutdown."""

    max_body_bytes: PositiveInt = Field(
        1 << 20, description="largest request body; 16 KiB on routes without sign-in"
    )
    body_timeout: PositiveFloat = Field(
        30, description="seconds until a request body must be complete"
    )
    request_timeout: PositiveFloat = Field(
        2.5, description="seconds until a request is refused, not counting its body and `wait`"
    )
    max_connections: PositiveInt = Field(
        900, description="largest number of client connections; further ones get 503"
    )
    shutdown_timeout: PositiveFloat = Field(
        20, description="seconds that running requests have to finish at shutdown"
    )
    drain_delay: NonNegativeFloat = Field(
        0, description="seconds between reporting 'not ready' and closing the listener at shutdown"
    )
    backend_cors_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_origins)] = Field(
        (), description="origins whose pages may call the API (CORS)"
    )
