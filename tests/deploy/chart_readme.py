"""README of deploy/chart: its introduction, and a table of the values from their comments."""

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml  # type: ignore[import-untyped]  # it ships no types

from tests.deploy.chart import CHART

COMMENT = re.compile(r"^( *)# -- (.+)$")
KEY = re.compile(r"^( *)([A-Za-z]+):")
INDENT = 2


def text() -> str:
    """Return the README that the files lead to."""
    introduction = (CHART / "README.md.in").read_text()
    rows = [
        f"| `{path}` | `{default}` | {comment} |" for path, default, comment in commented_values()
    ]
    table = ["| value | default | what |", "|---|---|---|", *rows]
    return introduction + "\n".join(table) + "\n"


def commented_values() -> Iterator[tuple[str, str, str]]:
    """Generate path, default and comment of each value that has a comment."""
    values_text = (CHART / "values.yaml").read_text()
    values, path, comment = yaml.safe_load(values_text), list[str](), ""
    for line in values_text.splitlines():
        if found := COMMENT.match(line):
            comment = found[2]
        elif found := KEY.match(line):
            path = [*path[: len(found[1]) // INDENT], found[2]]
            if comment:
                yield ".".join(path), _shown(_at(values, path)), comment
            comment = ""


def _at(values: Any, path: list[str]) -> Any:
    for part in path:
        values = values[part]
    return values


def _shown(value: Any) -> str:
    return value if isinstance(value, str) and value else json.dumps(value)


if __name__ == "__main__":
    (CHART / "README.md").write_text(text())
