"""The settings, and what is wrong with values that were given."""

from pydantic import ValidationError

from jubilee.commands.refusal import Refused
from jubilee.entrypoints.exit_codes import BAD_CONFIGURATION
from jubilee.settings import Settings


def read_settings() -> Settings:
    """From the environment and `.env`; says every setting that is wrong, but not its value."""
    try:
        return Settings()
    except ValidationError as error:
        raise Refused(f"bad settings: {reasons(error)}", BAD_CONFIGURATION) from None


def reasons(error: ValidationError) -> str:
    """What is wrong with each value, without the value."""
    found = []
    for details in error.errors(include_url=False, include_input=False):
        name = "/".join(str(part) for part in details["loc"]).upper()
        message = details["msg"].removeprefix("Value error, ")
        found.append(f"{name}: {message}" if name else message)
    return "; ".join(found)
