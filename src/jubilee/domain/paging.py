"""One page of a list, and where the next one begins."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

T = TypeVar("T")

Position: TypeAlias = tuple[str, ...]
"""The sort key of a row, its unique id last, as text; opaque to everyone but the repository."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some rows in order; `after` is the last row's position, or None at the list's end."""

    rows: Sequence[T]
    after: Position | None = None
