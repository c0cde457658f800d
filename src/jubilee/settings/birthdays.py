"""Settings of birthdays and their greetings."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from jubilee.domain.calendar import zone_names
from jubilee.settings.group import SettingsGroup


def _zone(name: str) -> str:
    if name not in zone_names():
        raise ValueError("not the name of an IANA time zone")
    return name


class BirthdaySettings(SettingsGroup):
    """Calendar of birthdays, time of greetings, limits of anonymous writes."""

    birthday_timezone: Annotated[str, AfterValidator(_zone)] = Field(
        "UTC", description="IANA time zone of users who chose none"
    )
    leap_day_rule: Literal["mar1", "feb28"] = Field(
        "mar1", description="birthday of 29 February in a common year: mar1 or feb28"
    )
    greeting_hour: int = Field(
        9, ge=0, le=23, description="local hour at which birthday greetings are sent"
    )
    greeting_on_unknown: Literal["park", "resend"] = Field(
        "park", description="greeting whose delivery is unknown: park it for an operator, or resend"
    )
    hello_anonymous: Literal["open", "create", "off"] = Field(
        "open",
        description="what requests without sign-in may save: open (all), create (new names), off",
    )
    hello_max_anonymous: int = Field(
        1_000_000, ge=0, description="most names saved without sign-in"
    )
