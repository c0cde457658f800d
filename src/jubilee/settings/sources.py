"""Where each setting comes from, and variables that look like a misspelt setting."""

from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher, get_close_matches

from jubilee.settings.all import Settings
from jubilee.settings.secret_files import secret_variables
from jubilee.settings.telemetry import DOTENV
from jubilee.settings.variables import Variables, variable_names
from jubilee.urls.parts import without_password

OTEL = "OTEL_"
SHORT_NAME_CHARS = 4  # too many unrelated names differ from such a short one by one letter
EDITS_OF_A_MOVE = 2  # a deletion and an insertion of the same letter
DRIVER_VARIABLES = frozenset({"PGHOST", "PGPORT", "PGUSER", "PGPASSWORD"})
"""Variables of libpq and asyncpg that differ from a setting's alias by one letter."""

SECRET_FILES = {
    name: file for files in secret_variables(Settings.model_fields) for name, file in files.items()
}
SECRET_WORDS = ("HEADERS", "KEY", "TOKEN", "SECRET", "PASSWORD")


def sources(variables: Variables) -> Mapping[str, str]:
    """Return the origin of each setting by its name in the environment."""
    found = {}
    for name, names in variable_names(Settings.model_fields).items():
        files = [SECRET_FILES[each] for each in names if each in SECRET_FILES]
        file = next((each for each in files if each in variables.values), "")
        found[name.upper()] = file or variables.source(*names)
    for url, parts in (("DATABASE_URL", "POSTGRES_"), ("REDIS_URL", "REDIS_")):
        if found[url] == "default":
            given = [at for name, at in found.items() if name.startswith(parts) and name != url]
            found[url] = "its parts" if set(given) - {"default"} else "default"
    return found


def telemetry_variables(variables: Variables) -> Mapping[str, tuple[str, str]]:
    """Each OTEL_ variable that is set: its value, secrets masked, and where it is set."""
    return {
        name: (_masked(name, value), variables.source(name))
        for name, value in sorted(variables.values.items())
        if name.startswith(OTEL)
    }


def unknown_variables(variables: Variables) -> Iterator[str]:
    """Generate a warning for each unknown name in `.env`, and near misses in the environment.

    The environment holds variables of many programs, so only a single typing error is reported
    there: one letter inserted, omitted, replaced or moved.
    """
    names = variable_names(Settings.model_fields).values()
    known = {each for group in names for each in group}.union(SECRET_FILES.values())
    for name in sorted(set(variables.file) - known):
        if not name.startswith(OTEL):
            near = get_close_matches(name, known, n=1)
            hint = f": did you mean {near[0]}?" if near else ""
            yield f"{name} in {DOTENV} is not a setting{hint}"
    for name in sorted(set(variables.environment) - known - DRIVER_VARIABLES - set(variables.file)):
        alike = [other for other in known if abs(len(other) - len(name)) <= 1]
        near = [other for other in get_close_matches(name, alike) if _is_slip(name, other)]
        if near:
            yield f"{name} in the environment is not a setting: did you mean {near[0]}?"


def _is_slip(name: str, known: str) -> bool:
    codes = SequenceMatcher(None, name, known, autojunk=False).get_opcodes()
    changes = [code for code in codes if code[0] != "equal"]
    if any(max(b - a, d - c) > 1 for _, a, b, c, d in changes):
        return False
    moved = sorted(name) == sorted(known) and len(changes) == EDITS_OF_A_MOVE
    return moved or (len(changes) == 1 and len(known) > SHORT_NAME_CHARS)


def _masked(name: str, value: str) -> str:
    return "***" if any(word in name for word in SECRET_WORDS) else without_password(value)
