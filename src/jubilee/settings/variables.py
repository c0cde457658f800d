"""Variables of the environment and of `.env`."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from dotenv import dotenv_values
from pydantic import AliasChoices
from pydantic.fields import FieldInfo

from jubilee.settings.telemetry import DOTENV


@dataclass(frozen=True, slots=True)
class Variables:
    """Non-empty variables of the environment and of `.env`; the environment takes precedence."""

    environment: Mapping[str, str] = field(repr=False)
    file: Mapping[str, str] = field(repr=False)

    def source(self, *names: str) -> str:
        """Return where any of these names is set: `environment`, `.env` or `default`."""
        if any(name in self.environment for name in names):
            return "environment"
        return DOTENV if any(name in self.file for name in names) else "default"

    @property
    def values(self) -> Mapping[str, str]:
        """The value in effect of each."""
        return {**self.file, **self.environment}


def read_variables() -> Variables:
    """Read the environment and `.env`."""
    return Variables(_present(os.environ), _present(dotenv_values(DOTENV)))


def variable_names(fields: Mapping[str, FieldInfo]) -> Mapping[str, tuple[str, ...]]:
    """Return the variables that each of these settings is read from, by the setting's own name."""
    known = {}
    for name, info in fields.items():
        alias = info.validation_alias
        names = alias.choices if isinstance(alias, AliasChoices) else [name]
        known[name] = tuple(str(each).upper() for each in names)
    return known


def _present(variables: Mapping[str, str | None]) -> Mapping[str, str]:
    """pydantic-settings reads names without regard to case."""
    return {name.upper(): value for name, value in variables.items() if value}
