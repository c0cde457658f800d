"""Birthdays and their greetings."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from jubilee.domain.calendar import zone_names
from jubilee.settings.group import SettingsGroup


def _zone(name: str) -> str:
    if name not in zone_names():
        raise ValueError("it is not the name of an IANA time zone")
    return name


class BirthdaySettings(SettingsGroup):
    """Whose birthday it is, when greetings leave, what strangers may save."""

    birthday_timezone: Annotated[str, AfterValidator(_zone)] = Field(
        "UTC", description="whose calendar says what today is, where a person named no zone"
    )
    leap_day_rule: Literal["mar1", "feb28"] = Field(
        "mar1", description="when those born on 29 February celebrate in a common year"
    )
    greeting_hour: int = Field(
        9, ge=0, le=23, description="the local hour of birthday greetings by mail"
    )
    greeting_on_unknown: Literal["park", "resend"] = Field(
        "park", description="what becomes of a greeting that may have been sent"
    )
    hello_anonymous: Literal["open", "create", "off"] = Field(
        "open", description="what strangers may save: anything, new names, nothing"
    )
    hello_max_anonymous: int = Field(1_000_000, ge=0, description="names that strangers may save")
