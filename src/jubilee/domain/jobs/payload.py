"""Reading what a job says: every rule that is broken names the member at fault."""

from collections.abc import Collection, Mapping

from jubilee.domain.jobs.kinds import InvalidPayload
from jubilee.domain.text import is_storable

MASK = "***"
"""What stands for a value that is not shown."""


def require_only(data: Mapping[str, object], known: Collection[str]) -> None:
    """Refuse members that the kind does not know: they are misspelt, or from another version."""
    for name in data:
        if name not in known:
            raise invalid_payload("there is no such member", name)


def read_text(data: Mapping[str, object], name: str, *, longest: int) -> str:
    """The member, a text of 1 to `longest` characters that can be written as UTF-8."""
    if name not in data:
        raise invalid_payload("this member is needed", name)
    value = data[name]
    if not isinstance(value, str):
        raise invalid_payload("it is not a string", name)
    if not 0 < len(value) <= longest:
        raise invalid_payload(f"it has 1 to {longest} characters", name)
    if not is_storable(value):
        raise invalid_payload("it holds NUL or half a character", name)
    return value


def invalid_payload(message: str, *path: str) -> InvalidPayload:
    """What is wrong with the member that the path leads to."""
    return InvalidPayload(message, pointer="".join(f"/{_escaped(p)}" for p in ("data", *path)))


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
