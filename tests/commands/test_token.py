"""`jubilee token`: what it prints, creates and refuses."""

import json
from uuid import uuid4

import pytest

from jubilee.commands import pages
from tests.commands.conftest import Ended, Jubilee
from tests.commands.test_user import add
from tests.fakes.store import FakeStore


def create(jubilee: Jubilee, *words: str) -> Ended:
    """Create a token of ada that may read items; `words` are further options."""
    return jubilee("token", "create", "ada", "--name", "backup", "--scope", "items:read", *words)


def listed(jubilee: Jubilee) -> list[dict[str, object]]:
    """The tokens of ada."""
    rows: list[dict[str, object]] = json.loads(jubilee("token", "list", "ada", "--json").out)
    return rows


def test_a_token_is_the_only_line_of_the_output(jubilee: Jubilee, store: FakeStore) -> None:
    add(jubilee, "ada")
    ended = create(jubilee, "--scope", "admin", "--scope", "users:read")
    assert ended.code == 0
    assert ended.out.startswith("jbl_")
    assert ended.out.count("\n") == 1
    [row] = listed(jubilee)
    assert ended.error.startswith(f"created token {row['id']}, which expires at 2027-02-18T09:00:0")
    assert row["scopes"] == ["admin", "items:read", "users:read"]
    assert [entry.event for entry in store.audit][-1] == "api_token_created"


def test_a_list_has_a_line_for_each_token(
    jubilee: Jubilee, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(jubilee, "ada")
    for _ in range(3):
        create(jubilee)
    monkeypatch.setattr(pages, "PAGE_SIZE", 2)
    lines = jubilee("token", "list", "ada").out.splitlines()
    assert len(lines) == 3
    assert lines[0].split(maxsplit=1)[1] == "expires 2027-02-18  never used  items:read  backup"
    assert len(jubilee("token", "list", "ada", "--limit", "1").out.splitlines()) == 1


def test_a_revoked_token_is_gone(jubilee: Jubilee, store: FakeStore) -> None:
    add(jubilee, "ada")
    create(jubilee)
    [row] = listed(jubilee)
    ended = jubilee("token", "revoke", "ada", str(row["id"]))
    assert (ended.code, ended.out) == (0, f"{row['id']} revoked\n")
    assert listed(jubilee) == []
    assert [entry.event for entry in store.audit][-1] == "api_token_deleted"
    again = jubilee("token", "revoke", "ada", str(row["id"]))
    assert (again.code, again.error) == (1, f"jubilee: the account has no token {row['id']}\n")


def test_what_cannot_be_created_is_refused_in_one_line(jubilee: Jubilee) -> None:
    add(jubilee, "ada")
    for words in (("--days", "367"), ("--name", " ")):
        refused = create(jubilee, *words)
        assert (refused.code, refused.out, refused.error.count("\n")) == (1, "", 1)


@pytest.mark.parametrize(
    "words",
    [
        ("create", "ada", "--name", "x"),
        ("create", "ada", "--name", "x", "--scope", "account"),
        ("create", "ada", "--name", "x", "--scope", "items:read", "--days", "0"),
        ("revoke", "ada", "7"),
    ],
)
def test_wrong_options_are_refused_with_the_usage(jubilee: Jubilee, words: tuple[str, ...]) -> None:
    refused = jubilee("token", *words)
    assert (refused.code, "usage: jubilee token" in refused.error) == (2, True)


def test_a_token_of_an_unknown_account_is_refused(jubilee: Jubilee) -> None:
    refused = jubilee("token", "revoke", "grace", str(uuid4()))
    assert "there is no account" in refused.error
