"""A record that is kept: only the tests that are new since are recorded, in a folder of their own.

What a test ran is looked up by the sources as they were then, and followed through later changes of
them; a block of lines that has been replaced counts as run where one of its lines was.
"""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from functools import cache
from pathlib import Path

from tests.mutation.record import Lines, RecordedTest, lines_of, read_tests

SOURCES = "sources"
COMPARED = ("src", "tests")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "node_modules", "*.json", "*.yaml")


def next_part(record: Path) -> Path:
    """Make the folder of the next tests to be recorded."""
    part = record / str(len(_parts(record)))
    part.mkdir(parents=True)
    return part


def keep_sources(root: Path, part: Path) -> None:
    """Keep the sources that these tests were recorded with."""
    for name in COMPARED:
        shutil.copytree(root / name, part / SOURCES / name, ignore=LEFT_OUT)


def read_kept(root: Path, record: Path) -> list[RecordedTest]:
    """Read the tests that stand as they were recorded, the quickest first."""
    found: dict[str, RecordedTest] = {}
    for part in reversed(_parts(record)):
        for test in read_tests(part):
            if _is_same(root, part, file_of(test)) and test.name not in found:
                found[test.name] = _followed(test, part, root)
    return sorted(found.values(), key=lambda test: test.seconds)


def file_of(test: RecordedTest) -> str:
    """Return the path of the module of tests."""
    return test.name.partition("::")[0]


def not_recorded(root: Path, places: Iterable[str], tests: Iterable[RecordedTest]) -> Sequence[str]:
    """Return the modules of tests in these folders and files of which no test is known."""
    known = {file_of(test) for test in tests}
    files = [file for place in places for file in _modules(root / "tests" / place)]
    return [name for file in files if (name := str(file.relative_to(root))) not in known]


def _parts(record: Path) -> list[Path]:
    return sorted(record.glob("[0-9]*"), key=lambda part: int(part.name))


def _modules(place: Path) -> Sequence[Path]:
    return sorted(place.rglob("test_*.py")) if place.is_dir() else [place]


def _is_same(root: Path, part: Path, name: str) -> bool:
    file, before = root / name, part / SOURCES / name
    return file.exists() and before.exists() and file.read_bytes() == before.read_bytes()


def _followed(test: RecordedTest, part: Path, root: Path) -> RecordedTest:
    lines = {
        path: _moved(bits, part / SOURCES / "src" / path, root / "src" / path)
        for path, bits in test.lines.items()
    }
    return replace(test, lines=lines)


@cache
def _moves(before: Path, after: Path) -> Mapping[int, Lines] | None:
    """Return where each line is now; None if all are where they were."""
    if not (before.exists() and after.exists()):
        return {}
    old, new = before.read_text().splitlines(), after.read_text().splitlines()
    if old == new:
        return None
    moves: dict[int, Lines] = {}
    for kind, start, end, first, last in SequenceMatcher(None, old, new, False).get_opcodes():
        for number in range(start, end):
            here = [first + number - start] if kind == "equal" else range(first, last)
            moves[number + 1] = lines_of(line + 1 for line in here)
    return moves


@cache  # many tests run the same lines of a module
def _moved(bits: Lines, before: Path, after: Path) -> Lines:
    moves = _moves(before, after)
    if moves is None:
        return bits
    found = 0
    for number, now in moves.items():
        if bits >> number & 1:
            found |= now
    return found
