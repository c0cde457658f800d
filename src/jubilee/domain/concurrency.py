"""Several callers who change one thing: conditions upon what is there, and merged changes."""

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, TypeAlias, TypeVar

from jubilee.domain.errors import Stale

T = TypeVar("T")
E = TypeVar("E", bound=Any)  # a dataclass

VersionCheck: TypeAlias = Callable[[T], bool]
"""Whether a caller who saw it before is content with what it is now."""


def require(expects: VersionCheck[T] | None, current: T) -> None:
    """Raises Stale where the caller asked for something else; None asks for nothing."""
    if expects is not None and not expects(current):
        raise Stale


def merged(before: E, after: E, now: E) -> E:
    """Put what one caller changed upon what others changed in the meantime."""
    changes = {
        field.name: getattr(after, field.name)
        for field in fields(now)
        if getattr(after, field.name) != getattr(before, field.name)
    }
    return replace(now, **changes)
