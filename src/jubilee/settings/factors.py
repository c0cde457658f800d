"""Settings of second factors."""

from typing import Literal

from pydantic import Field

from jubilee.settings.group import SettingsGroup


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
