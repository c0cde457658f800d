"""`jubilee audit list` over the fakes, and what `audit` refuses before it reads anything."""

import json

import pytest

from tests.commands.conftest import Jubilee
from tests.conftest import PASSWORD


def add(jubilee: Jubilee, name: str) -> str:
    """Create an admin, which is recorded; return the id."""
    words = ("--email", f"{name}@example.com", "--password-stdin")
    return jubilee("admin", "create", *words, stdin=PASSWORD).out.split()[2].rstrip(":")


def test_entries_are_listed_newest_first_as_a_table_or_as_json(jubilee: Jubilee) -> None:
    ids = [add(jubilee, name) for name in ("ada", "eve")]
    table = jubilee("audit", "list", "--event", "account_registered")
    assert (table.code, table.error) == (0, "")
    assert table.out.index(ids[1]) < table.out.index(ids[0])
    listed = jubilee("audit", "list", "--event", "account_registered", "--json")
    found = json.loads(listed.out)
    assert (listed.code, [entry["subject_id"] for entry in found]) == (0, ids[::-1])


@pytest.mark.parametrize(("limit", "count"), [("1", 1), ("2", 2), ("9", 2)])
def test_a_list_of_entries_has_a_limit_and_a_subject(
    jubilee: Jubilee, limit: str, count: int
) -> None:
    ids = [add(jubilee, name) for name in ("ada", "eve")]
    words = ("audit", "list", "--event", "account_registered", "--json")
    assert len(json.loads(jubilee(*words, "--limit", limit).out)) == count
    (own,) = json.loads(jubilee(*words, "--subject", ids[0], "--limit", limit).out)
    assert own["subject_id"] == ids[0]


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("list", "--since", "yesterday"), "since"),
        (("verify", "--expect", "x:0f"), "--expect must be a head"),
        (("verify", "--expect", "7:0"), "--expect must be a head"),
    ],
)
def test_a_wrong_filter_or_head_is_one_line(
    jubilee: Jubilee, words: tuple[str, ...], problem: str
) -> None:
    refused = jubilee("audit", *words)
    assert (refused.code, refused.out, refused.error.count("\n")) == (2, "", 1)
    assert problem in refused.error.lower()
