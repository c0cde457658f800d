"""Every test can fail: it asserts something or calls a helper that does."""

import ast
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

TESTS = Path(__file__).parents[1]
Function = ast.FunctionDef | ast.AsyncFunctionDef

ASSERTION = "assert"
RAISING = {"raises", "warns", "wait_for", "timeout", "fail", "validate"}
"""Calls that fail by themselves."""


def functions() -> Iterator[tuple[str, Function]]:
    """Iterate over all functions and methods of the tests with their places."""
    for path in sorted(TESTS.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, Function):
                yield f"{path.relative_to(TESTS)}::{node.name}", node


def asserts(place: str, called: Collection[str], known: Mapping[str, bool]) -> bool:
    """Return whether a function that calls these asserts something by itself or by one of them."""
    file = place.partition("::")[0]
    return ASSERTION in called or any(is_known(file, name, known) for name in called)


def calls(node: Function) -> Collection[str]:
    """Return the names that a function calls, and ASSERTION if it asserts something itself."""
    inner = list(ast.walk(node))
    is_asserted = any(isinstance(one, ast.Assert | ast.Raise) for one in inner)
    names = {name_of(one.func) for one in inner if isinstance(one, ast.Call)}
    return names | {ASSERTION} if is_asserted else names


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
    found = [(place, node.name, calls(node)) for place, node in functions()]
    before = None
    known: dict[str, bool] = {}
    while known != before:
        before, known = known, {}
        for place, name, called in found:
            known[place] = asserts(place, called, before)
            known[name] = known.get(name, True) and known[place]
    return [place for place, name, _ in found if name.startswith("test_") and not known[place]]


def test_every_test_asserts_something() -> None:
    assert without_assertion() == []
