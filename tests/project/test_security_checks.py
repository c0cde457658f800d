"""`deploy/security-checks.md` has every check, and the tests that it names exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| (\d+) \| ([a-z ]+) \| [^|]+ \| ([^|]*) \|$", re.MULTILINE)
ROWS = ROW.findall((ROOT / "deploy" / "security-checks.md").read_text())
OF_ACCOUNTS = {*range(1, 37), 45}
NUMBERED = re.compile(r"^(?:async )?def (test_check_\d+_\w+)", re.MULTILINE)


def numbered_tests() -> set[str]:
    """Names of the tests of checks in all of the tree."""
    files = (ROOT / "tests").rglob("test_*.py")
    return {name for path in files for name in NUMBERED.findall(path.read_text())}


def test_every_check_has_its_row_in_order() -> None:
    assert [int(number) for number, _, _ in ROWS] == list(range(1, 46))


def test_every_test_of_the_table_exists_and_has_the_number_of_its_row() -> None:
    existing = numbered_tests()
    for number, _, tests in ROWS:
        for name in re.findall(r"`(\w+)`", tests):
            assert name in existing
            assert name.startswith(f"test_check_{number}_")


def test_every_numbered_test_is_in_the_table() -> None:
    named = {name for _, _, tests in ROWS for name in re.findall(r"`(\w+)`", tests)}
    assert sorted(numbered_tests() - named) == []


def test_a_check_without_a_test_is_one_of_a_missing_feature() -> None:
    for number, state, tests in ROWS:
        assert state in {"held", "other rule", "in part", "missing"}, number
        assert (state == "missing") == (tests.strip() == ""), number


def test_no_check_of_accounts_lacks_a_test() -> None:
    tested = {int(name.split("_")[2]) for name in numbered_tests()}
    assert OF_ACCOUNTS - tested == set()
    assert {
        int(n) for n, state, _ in ROWS if state in {"in part", "missing"}
    } & OF_ACCOUNTS == set()
