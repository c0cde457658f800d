"""Settings of the API: limits of requests, shutdown."""

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from jubilee.settings.group import SettingsGroup


class RequestSettings(SettingsGroup):
    """Size and time limits of requests, shutdown."""

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
        900, description="client connections of one process; further ones get 503"
    )
    shutdown_timeout: PositiveFloat = Field(
        20, description="seconds that running requests have to finish at shutdown"
    )
    drain_delay: NonNegativeFloat = Field(
        0, description="seconds between reporting 'not ready' and closing the listener at shutdown"
    )
