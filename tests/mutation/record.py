"""What the recorders have written: the lines that each test runs, and how long it takes."""

import json
import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from tests.mutation.recorder import IMPORT

Lines: TypeAlias = int
"""A set of numbers of lines: bit n stands for line n, as in the files of coverage."""

LANE = re.compile(r"@timing(-\d)?$")  # a parallel run adds it to a name
QUERY = """
    SELECT context, path, numbits
    FROM line_bits JOIN file ON file.id = file_id JOIN context ON context.id = context_id
"""


@dataclass(frozen=True, slots=True)
class RecordedTest:
    """One that passed, and the lines it ran, by the path of the module within `src`."""

    name: str
    seconds: float
    lines: Mapping[str, Lines]


def lines_of(numbers: Iterable[int]) -> Lines:
    """Make a set of numbers of lines."""
    return sum(1 << number for number in set(numbers))


def read_tests(folder: Path) -> list[RecordedTest]:
    """Read the tests that passed, the quickest first."""
    seconds: dict[str, float] = {}
    for file in folder.glob("seconds-*"):
        written = map(json.loads, file.read_text().splitlines())
        seconds |= {_plain(name): duration for name, duration in written}
    lines: dict[str, dict[str, Lines]] = defaultdict(lambda: defaultdict(int))
    for context, path, bits in _rows(folder):
        lines[context][path] |= bits
    tests = []
    for name, duration in seconds.items():
        imported = lines.get(f"{IMPORT}{name.partition('::')[0]}", {})
        own = lines.get(name, {})
        both = {path: own.get(path, 0) | imported.get(path, 0) for path in {*own, *imported}}
        tests.append(RecordedTest(name, duration, both))
    return sorted(tests, key=lambda test: test.seconds)


def _rows(folder: Path) -> Iterator[tuple[str, str, Lines]]:
    for file in sorted(folder.glob("lines-*")):
        with closing(sqlite3.connect(file)) as database, suppress(sqlite3.DatabaseError):
            # A process that was killed may have left half of a file.
            for context, path, numbits in database.execute(QUERY):
                if bits := int.from_bytes(numbits, "little"):
                    yield _plain(context), path.rpartition("/src/")[2], bits


def _plain(name: str) -> str:
    return LANE.sub("", name)
