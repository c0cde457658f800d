"""Optimistic concurrency: preconditions on the current state, and merging of changes."""

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, TypeAlias, TypeVar

from jubilee.domain.errors import Stale

T = TypeVar("T")
E = TypeVar("E", bound=Any)  # a dataclass

VersionCheck: TypeAlias = Callable[[T], bool]
"""Returns whether the current state is the one that the caller expects."""


def require(expects: VersionCheck[T] | None, current: T) -> None:
    """Raise Stale if the current state is not the expected one; None expects nothing."""
    if expects is not None and not expects(current):
        raise Stale


def merged(before: E, after: E, now: E) -> E:
    """Apply the changes from `before` to `after` to `now`, which others have changed since."""
    changes = {
        field.name: getattr(after, field.name)
        for field in fields(now)
        if getattr(after, field.name) != getattr(before, field.name)
    }
    return replace(now, **changes)
