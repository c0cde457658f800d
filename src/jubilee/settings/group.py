"""Base class of all groups of settings."""

from pydantic import BaseModel


class SettingsGroup(BaseModel, frozen=True, defer_build=True):
    """Settings of one purpose; `Settings` inherits every group and reads them all at once.

    Only `Settings` has a validator: building one for each group slows the start of every command.
    """


def comma_separated(value: object) -> object:
    """Split a comma-separated string; other values pass unchanged."""
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())
