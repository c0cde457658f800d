"""The table of all paths, in which the resource of a request is found."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeAlias, TypeVar
from uuid import UUID

from jubilee.domain.tasks.task import TASK_ID

T = TypeVar("T")

UUID_TEXT = re.compile("[0-9a-fA-F]{8}(?:-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}")
TASK_TEXT = re.compile(TASK_ID)

PathValues: TypeAlias = Mapping[str, object]
ReadValue: TypeAlias = Callable[[str], object | None]
"""Reads the value of a parameter from its segment; None if it does not fit."""

NO_VALUES: PathValues = {}


def _uuid(segment: str) -> UUID | None:
    return UUID(segment) if UUID_TEXT.fullmatch(segment) else None


def _task_id(segment: str) -> str | None:
    return segment if TASK_TEXT.fullmatch(segment) else None


def _text(segment: str) -> str | None:
    return segment or None


READERS: Mapping[str, ReadValue] = {"id": _uuid, "token_id": _uuid, "task_id": _task_id}
"""Parameters that only some texts fit; any other takes a whole segment."""


@dataclass(slots=True)
class _Node(Generic[T]):
    """What may follow a part of a path."""

    target: T | None = None
    literals: "dict[str, _Node[T]]" = field(default_factory=dict)
    parameters: "dict[str, _Node[T]]" = field(default_factory=dict)

    def find(self, segments: list[str], at: int, values: dict[str, object]) -> T | None:
        """Match the segments from `at` on; a literal goes before a parameter."""
        if at == len(segments):
            return self.target
        segment = segments[at]
        following = self.literals.get(segment)
        if following and (found := following.find(segments, at + 1, values)) is not None:
            return found
        for name, node in self.parameters.items():
            value = READERS.get(name, _text)(segment)
            if value is None:
                continue
            if (found := node.find(segments, at + 1, values)) is not None:
                values[name] = value
                return found
        return None


class RouteTable(Generic[T]):
    """Targets by the template of their path, such as `/users/{id}`.

    A path without parameters takes one lookup, any other one for each segment: patterns tried one
    after the other took 11 us for the last of 18.
    """

    def __init__(self, targets: Iterable[tuple[str, T]]) -> None:
        self._exact: dict[str, T] = {}
        self._root: _Node[T] = _Node()
        for template, target in targets:
            if "{" in template:
                self._add(template, target)
            else:
                self._exact[template] = target

    def find(self, path: str) -> tuple[T, PathValues] | None:
        """Return the target of a path, and the values of its parameters."""
        exact = self._exact.get(path)
        if exact is not None:
            return exact, NO_VALUES
        values: dict[str, object] = {}
        found = self._root.find(path.split("/"), 0, values)
        return None if found is None else (found, values)

    def _add(self, template: str, target: T) -> None:
        node = self._root
        for segment in template.split("/"):
            if segment.startswith("{"):
                node = node.parameters.setdefault(segment[1:-1], _Node())
            else:
                node = node.literals.setdefault(segment, _Node())
        node.target = target
