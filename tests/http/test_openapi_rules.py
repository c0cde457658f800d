"""The statuses, rights and bounds of the API change by intention."""

from tests.http.documented_rules import FILE, rules


def test_statuses_rights_and_bounds_are_those_of_the_file() -> None:
    written = FILE.read_text()
    assert rules() == written, "if it is meant: python -m tests.http.documented_rules"
