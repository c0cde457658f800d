"""A kept record follows the sources, and says which tests it lacks."""

from pathlib import Path

import pytest

from tests.mutation.kept_record import keep_sources, next_part, not_recorded, read_kept
from tests.mutation.record import lines_of
from tests.mutation.test_record import keep, keep_seconds

SOURCE = "a = 1\nb = 2\n\n\ndef f():\n    return a\n"
TEST = "tests/test_a.py"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project of one module and one test."""
    root = tmp_path / "project"
    for name, text in (("src/m.py", SOURCE), (TEST, "# a"), ("tests/x/test_b.py", "# b")):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.fixture
def record(root: Path, tmp_path: Path) -> Path:
    """The test has run the second line and the function."""
    part = next_part(tmp_path / "record")
    keep(part, f"{TEST}::f", {"/copy/src/m.py": {2, 6}})
    keep_seconds(part, **{f"{TEST}::f": 1.0})
    keep_sources(root, part)
    return tmp_path / "record"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (SOURCE, [2, 6]),
        (f"# first\n{SOURCE}", [3, 7]),
        (SOURCE.replace("b = 2\n", "b = 3\nc = 4\n"), [2, 3, 7]),
        (SOURCE.replace("b = 2\n", ""), [5]),
    ],
)
def test_lines_are_followed_through_changes_of_the_source(
    root: Path, record: Path, text: str, lines: list[int]
) -> None:
    (root / "src/m.py").write_text(text)
    [test] = read_kept(root, record)
    assert test.lines == {"m.py": lines_of(lines)}


def test_tests_that_are_new_or_changed_are_not_recorded(root: Path, record: Path) -> None:
    places = ("test_a.py", "x")
    assert not_recorded(root, places, read_kept(root, record)) == ["tests/x/test_b.py"]
    (root / TEST).write_text("# other")
    assert read_kept(root, record) == []
    assert not_recorded(root, places, []) == [TEST, "tests/x/test_b.py"]


def test_a_later_record_of_a_test_counts(root: Path, record: Path) -> None:
    part = next_part(record)
    keep(part, f"{TEST}::f", {"/copy/src/m.py": {1}})
    keep_seconds(part, **{f"{TEST}::f": 2.0})
    keep_sources(root, part)
    [test] = read_kept(root, record)
    assert (test.seconds, test.lines) == (2.0, {"m.py": lines_of([1])})


def test_lines_of_a_module_that_is_gone_count_no_more(root: Path, record: Path) -> None:
    (root / "src/m.py").unlink()
    [test] = read_kept(root, record)
    assert test.lines == {"m.py": 0}
