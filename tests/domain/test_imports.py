"""The domain imports itself and the standard library, without the modules that do I/O."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import jubilee.domain

ROOT = Path(jubilee.domain.__file__).parent
FORBIDDEN = frozenset(
    {
        *("asyncore", "fileinput", "ftplib", "glob", "http", "io", "logging", "mmap"),
        *("multiprocessing", "os", "pathlib", "random", "secrets", "select", "selectors", "shelve"),
        *("shutil", "signal", "smtplib", "socket", "socketserver", "sqlite3", "ssl", "subprocess"),
        *("tempfile", "threading", "time", "urllib"),
    }
)
"""Modules of the standard library that do I/O; the domain uses ports instead."""

PURE = frozenset({"urllib.parse"})
"""Parts of those that only compute."""


def imported(source: str) -> Iterator[str]:
    """Iterate over the full names of the imported modules."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def is_allowed(name: str) -> bool:
    if name in PURE or name == "jubilee.domain" or name.startswith("jubilee.domain."):
        return True
    top = name.partition(".")[0]
    return top in sys.stdlib_module_names and top not in FORBIDDEN


def test_the_domain_is_plain_python_without_io() -> None:
    sources = sorted(ROOT.rglob("*.py"))
    assert sources
    refused = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in sources
        for name in imported(path.read_text())
        if not is_allowed(name)
    ]
    assert refused == []


def test_the_rule_refuses_packages_io_and_other_parts_of_the_service() -> None:
    source = "import sqlalchemy, os.path\nfrom time import sleep\nfrom jubilee.settings import x"
    assert not any(map(is_allowed, imported(source)))
    assert is_allowed("jubilee.domain.users")
    assert is_allowed("collections.abc")
