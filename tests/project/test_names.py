"""One class name, one meaning, in all of the package; ports stay small."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "src" / "jubilee"
MAX_METHODS = 6


def classes() -> Iterator[ast.ClassDef]:
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                yield node


def aliases() -> Iterator[str]:
    """Names of types that modules define by an annotated assignment."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation) == "TypeAlias":
                yield ast.unparse(node.target)


def is_repository(found: ast.ClassDef) -> bool:
    is_port = any(ast.unparse(base).startswith("Protocol") for base in found.bases)
    return is_port and found.name.endswith(("Repository", "Store"))


def methods(port: ast.ClassDef) -> int:
    return sum(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) for node in port.body)


def test_each_type_name_is_defined_once() -> None:
    counts = Counter([found.name.lstrip("_") for found in classes()] + list(aliases()))
    assert [name for name, count in counts.items() if count > 1] == []


def test_repositories_have_few_methods() -> None:
    repositories = [found for found in classes() if is_repository(found)]
    assert len(repositories) > 8
    assert [port.name for port in repositories if methods(port) > MAX_METHODS] == []
