"""The packages of the tests: no import cycles, no long modules, one folder per package of `src`."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

TESTS = Path(__file__).parents[1]
SOURCE = TESTS.parent / "src/jubilee"
MIRRORED = ("adapters", "bootstrap", "entrypoints")
MAX_LINES = 300


def package_of(module: str) -> str:
    """Return the folder of `tests` that contains the module; empty for a module at the root."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and (TESTS / parts[1]).is_dir() else ""


def imported(path: Path) -> Iterator[str]:
    """Iterate over the packages of the tests that a module imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tests."):
            yield package_of(str(node.module))


def test_packages_of_the_tests_have_no_import_cycle() -> None:
    graph: dict[str, set[str]] = {}
    for path in TESTS.glob("*/**/*.py"):
        package = path.relative_to(TESTS).parts[0]
        graph.setdefault(package, set()).update(set(imported(path)) - {package, ""})
    assert list(TopologicalSorter(graph).static_order())


def test_no_module_of_the_tests_is_longer_than_300_lines() -> None:
    lengths = {
        str(path.relative_to(TESTS)): len(path.read_text().splitlines())
        for path in TESTS.rglob("*.py")
    }
    assert {name: lines for name, lines in lengths.items() if lines > MAX_LINES} == {}


def test_folders_of_mirrored_packages_exist_in_the_source() -> None:
    folders = [
        path.parent.relative_to(TESTS)
        for package in MIRRORED
        for path in (TESTS / package).rglob("__init__.py")
    ]
    assert len(folders) > len(MIRRORED)
    assert [str(folder) for folder in folders if not (SOURCE / folder).is_dir()] == []
