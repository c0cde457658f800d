"""The text of a module with its syntax tree; positions are offsets in bytes."""

import ast
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple


class Edit(NamedTuple):
    """Replace the bytes from `start` up to `end` by `text`."""

    start: int
    end: int
    text: bytes


@dataclass(slots=True)
class Source:
    """A module."""

    raw: bytes
    tree: ast.Module
    _lines: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self._lines = [0, *accumulate(len(line) for line in self.raw.splitlines(keepends=True))]

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """Where the node begins and ends."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start = self._lines[node.lineno - 1] + node.col_offset
        return start, self._lines[node.end_lineno - 1] + node.end_col_offset

    def text(self, node: ast.expr | ast.stmt) -> bytes:
        """The node as it is written."""
        start, end = self.span(node)
        return self.raw[start:end]

    def replaced(self, node: ast.expr | ast.stmt, text: bytes) -> Edit:
        """The node written in another way."""
        return Edit(*self.span(node), text)
