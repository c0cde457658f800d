"""Requests: their limits, and how the API stops taking them."""

from typing import Annotated

from pydantic import BeforeValidator, Field, NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic_settings import NoDecode

from jubilee.settings.group import SettingsGroup


def _origins(value: object) -> object:
    """A list in JSON's brackets or parted by commas."""
    if not isinstance(value, str):
        return value
    parts = value.strip().removeprefix("[").removesuffix("]").split(",")
    return tuple(part.strip().strip("\"'").rstrip("/") for part in parts if part.strip())


class RequestSettings(SettingsGroup):
    """How large and slow requests may be, which pages may send them, how they end."""

    max_body_bytes: PositiveInt = Field(
        1 << 20, description="the largest request body; 16 KiB without signing in"
    )
    body_timeout: PositiveFloat = Field(30, description="seconds in which a body must arrive")
    request_timeout: PositiveFloat = Field(
        2.5, description="seconds until a request is refused; its body and `wait` come on top"
    )
    max_connections: PositiveInt = Field(
        900, description="open connections of clients; more are answered 503"
    )
    shutdown_timeout: PositiveFloat = Field(20, description="seconds until the API is gone")
    drain_delay: NonNegativeFloat = Field(
        0, description="seconds between 'not ready' and the last accepted connection"
    )
    backend_cors_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_origins)] = Field(
        (), description="the origins whose pages may call the API"
    )
