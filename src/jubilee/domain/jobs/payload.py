"""Parsing job payloads; errors carry a pointer to the invalid member."""

from collections.abc import Collection, Mapping

from jubilee.domain.jobs.kinds import InvalidPayload
from jubilee.domain.text import is_storable

MASK = "***"
"""Replaces a value that is hidden."""


def require_only(data: Mapping[str, object], known: Collection[str]) -> None:
    """Refuse unknown members: they are misspelt, or of another version."""
    for name in data:
        if name not in known:
            raise invalid_payload("unknown member", name)


def read_text(data: Mapping[str, object], name: str, *, longest: int) -> str:
    """Return a member that must be a string of 1 to `longest` characters, valid in UTF-8."""
    if name not in data:
        raise invalid_payload("this member is required", name)
    value = data[name]
    if not isinstance(value, str):
        raise invalid_payload("must be a string", name)
    if not 0 < len(value) <= longest:
        raise invalid_payload(f"must have 1 to {longest} characters", name)
    if not is_storable(value):
        raise invalid_payload("must not contain NUL or an unpaired surrogate", name)
    return value


def invalid_payload(message: str, *path: str) -> InvalidPayload:
    """Return an error whose pointer leads along `path` into the data."""
    return InvalidPayload(message, pointer="".join(f"/{_escaped(p)}" for p in ("data", *path)))


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
