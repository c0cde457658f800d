"""Pages of lists."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

T = TypeVar("T")

Position: TypeAlias = tuple[str, ...]
"""The sort key of a row as text, its unique id last; opaque outside the repository."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Rows in order; `after` is the position of the last row, or None on the last page."""

    rows: Sequence[T]
    after: Position | None = None
