"""Every test can fail: it asserts something or calls a helper that does."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

TESTS = Path(__file__).parents[1]
Function = ast.FunctionDef | ast.AsyncFunctionDef

RAISING = {"raises", "warns", "wait_for", "timeout", "fail", "validate"}
"""Calls that fail by themselves."""


def functions() -> Iterator[tuple[str, Function]]:
    """Iterate over all functions and methods of the tests with their places."""
    for path in sorted(TESTS.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, Function):
                yield f"{path.relative_to(TESTS)}::{node.name}", node


def asserts(place: str, node: ast.AST, known: Mapping[str, bool]) -> bool:
    """Return whether a function asserts something or calls a helper that does."""
    file = place.partition("::")[0]
    return any(
        isinstance(inner, ast.Assert | ast.Raise)
        or (isinstance(inner, ast.Call) and is_known(file, name_of(inner.func), known))
        for inner in ast.walk(node)
    )


def is_known(file: str, name: str, known: Mapping[str, bool]) -> bool:
    return name in RAISING or known.get(f"{file}::{name}", known.get(name, False))


def name_of(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def without_assertion() -> list[str]:
    """Tests that nothing could make fail but an error.

    A helper of another file counts where all that bear its name do.
    """
    found, before = list(functions()), None
    known: dict[str, bool] = {}
    while known != before:
        before, known = known, {}
        for place, node in found:
            known[place] = asserts(place, node, before)
            known[node.name] = known.get(node.name, True) and known[place]
    return [place for place, node in found if node.name.startswith("test_") and not known[place]]


def test_every_test_asserts_something() -> None:
    assert without_assertion() == []
