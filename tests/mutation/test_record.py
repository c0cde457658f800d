"""Lines are recorded by test, those of processes that a test starts, too."""

import json
import os
import subprocess
import sys
from pathlib import Path

from coverage import CoverageData

from tests.mutation.record import lines_of, read_tests
from tests.support.running import PROGRAM_S

ROOT = Path(__file__).parents[2]
PROCESS = """
import sys
from pathlib import Path
from jubilee.entrypoints.text_tables import table
from tests.mutation.process_recorder import record_process
record_process(Path(sys.argv[1]))
table("ab")
"""


def keep(folder: Path, context: str, lines: dict[str, set[int]]) -> None:
    """Write lines as coverage does."""
    data = CoverageData(str(folder / f"lines-{len(list(folder.iterdir()))}"))
    data.set_context(context)
    data.add_lines(lines)
    data.write()


def keep_seconds(folder: Path, **seconds: float) -> None:
    """Write how long tests took."""
    lines = [json.dumps([name, duration]) for name, duration in seconds.items()]
    (folder / "seconds-1").write_text("\n".join(lines))


def test_the_lines_of_a_test_are_those_of_all_its_processes(tmp_path: Path) -> None:
    keep(tmp_path, "a.py::f", {"/copy/src/jubilee/m.py": {3}})
    keep(tmp_path, "a.py::f@timing-2", {"/copy/src/jubilee/m.py": {4}, "/copy/src/n.py": set()})
    keep(tmp_path, "a.py::failed", {"/copy/src/jubilee/m.py": {5}})
    keep_seconds(tmp_path, **{"a.py::f@timing-2": 1.5})
    [test] = read_tests(tmp_path)
    assert (test.name, test.seconds) == ("a.py::f", 1.5)
    assert test.lines == {"jubilee/m.py": lines_of([3, 4])}


def test_what_a_module_of_tests_runs_when_it_is_imported_counts_for_its_tests(
    tmp_path: Path,
) -> None:
    keep(tmp_path, "import a.py", {"/copy/src/m.py": {3}})
    keep_seconds(tmp_path, **{"a.py::f": 1.0, "b.py::g": 0.5})
    assert [test.lines for test in read_tests(tmp_path)] == [{}, {"m.py": lines_of([3])}]


def test_a_process_records_lines_for_the_test_that_runs(tmp_path: Path) -> None:
    (tmp_path / f"test-{os.getpid()}").write_text("a.py::f")
    keep_seconds(tmp_path, **{"a.py::f": 1.0})
    (tmp_path / "lines-broken").write_bytes(b"half of a file")
    subprocess.run(
        (sys.executable, "-c", PROCESS, tmp_path), cwd=ROOT, env={}, check=True, timeout=PROGRAM_S
    )
    [test] = read_tests(tmp_path)
    assert set(test.lines) == {"jubilee/entrypoints/text_tables.py"}
