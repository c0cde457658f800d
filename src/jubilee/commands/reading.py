"""Read the settings, and explain values that are refused."""

import os
import sys
from pathlib import Path

from pydantic import ValidationError

from jubilee.commands.refusal import CommandRefused
from jubilee.entrypoints.exit_codes import BAD_CONFIGURATION
from jubilee.settings import Settings
from jubilee.settings.sources import unknown_variables
from jubilee.settings.variables import read_variables

WARNED = "JUBILEE_WARNED_OF_UNKNOWN_VARIABLES"
"""Set for child processes, so that `jubilee up` and its children warn only once."""


def read_settings() -> Settings:
    """Read the environment and `.env`; raise CommandRefused naming each wrong setting, no value."""
    try:
        settings = Settings()
    except ValidationError as error:
        raise CommandRefused(f"bad settings: {reasons(error)}", BAD_CONFIGURATION) from None
    finally:
        _warn_of_unknown()
    return settings


def reasons(error: ValidationError) -> str:
    """Return the reason for each refused value, without the value."""
    found = []
    for details in error.errors(include_url=False, include_input=False):
        name = "/".join(str(part) for part in details["loc"]).upper()
        message = details["msg"].removeprefix("Value error, ")
        found.append(f"{name}: {message}" if name else message)
    return "; ".join(found)


def refusal_of(error: OSError) -> CommandRefused:
    """Turn an OSError into a refusal that names the setting whose folder it concerns."""
    settings = Settings()
    folders = {
        "DATA_DIR": settings.data_dir,
        "MAIL_DIR": settings.mail_dir,
        "WORKER_HEARTBEAT_FILE": settings.worker_heartbeat_file,
    }
    path = Path(os.fsdecode(error.filename)).absolute() if error.filename else None
    for name, folder in folders.items():
        if path and folder and _are_related(path, folder.absolute()):
            return CommandRefused(f"{name}={folder}: {error.strerror} ({path})", BAD_CONFIGURATION)
    return CommandRefused(str(error))


def _are_related(path: Path, folder: Path) -> bool:
    """Creating a folder may fail at one of its parents."""
    return path.is_relative_to(folder) or folder.is_relative_to(path)


def _warn_of_unknown() -> None:
    if WARNED in os.environ:
        return
    os.environ[WARNED] = "1"
    for sentence in unknown_variables(read_variables()):
        print(f"jubilee: warning: {sentence}", file=sys.stderr)
