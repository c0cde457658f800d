"""A small change to one source file, and the list of all that can be made."""

import ast
from dataclasses import dataclass
from pathlib import Path

from tests.mutation.python_operators import python_edits
from tests.mutation.source import Edit, Source
from tests.mutation.sql_operators import sql_edits


@dataclass(frozen=True, slots=True)
class Mutation:
    """One edit of the file at `path`, relative to the root of the project."""

    path: str
    original: bytes
    edit: Edit

    @property
    def line(self) -> int:
        """Where it begins, counted from 1."""
        return self.original.count(b"\n", 0, self.edit.start) + 1

    @property
    def mutated(self) -> bytes:
        """The whole file with the edit."""
        start, end, text = self.edit
        return self.original[:start] + text + self.original[end:]

    @property
    def key(self) -> tuple[str, str, str]:
        """The path, and the lines before and after: it survives changes elsewhere in the file."""
        first = self.original.rfind(b"\n", 0, self.edit.start) + 1
        end = self.original.find(b"\n", self.edit.end)
        last = len(self.original) if end < 0 else end
        was = self.original[first:last]
        becomes = was[: self.edit.start - first] + self.edit.text + was[self.edit.end - first :]
        return self.path, _flat(was), _flat(becomes)


def mutations(root: Path, package: Path) -> list[Mutation]:
    """All mutations of the package's modules, in a stable order, none of them twice."""
    found: dict[tuple[str, Edit], Mutation] = {}
    for path in sorted((root / package).rglob("*.py")):
        raw = path.read_bytes()
        source = Source(raw, ast.parse(raw))
        for edit in (*python_edits(source), *sql_edits(source)):
            mutation = Mutation(str(path.relative_to(root)), raw, edit)
            found.setdefault((mutation.path, edit), mutation)
    return list(found.values())


def _flat(text: bytes) -> str:
    return " ".join(text.decode().split())
