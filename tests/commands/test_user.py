"""`jubilee user` and `jubilee admin`: what they print, change and refuse."""

import json
from uuid import UUID

import pytest

from jubilee.commands import pages
from jubilee.domain.identity import OPERATOR
from tests.commands.conftest import Jubilee
from tests.conftest import PASSWORD
from tests.fakes.store import FakeStore


def add(jubilee: Jubilee, *names: str) -> list[str]:
    """Create an admin of each name; return their ids."""
    ids = []
    for name in names:
        words = ("--email", f"{name}@example.com", "--username", name, "--password-stdin")
        created = jubilee("admin", "create", *words, stdin=f"{PASSWORD}\r\n")
        assert (created.code, created.error) == (0, "")
        ids.append(created.out.split()[2].rstrip(":"))
        assert created.out == f"created admin {ids[-1]}: {name}@example.com, username {name}\n"
    return ids


def test_an_admin_is_created_with_the_password_of_standard_input(
    jubilee: Jubilee, store: FakeStore
) -> None:
    (ada,) = add(jubilee, "ada")
    (account,) = store.users.values()
    assert (str(account.id), account.is_superuser) == (ada, True)
    assert account.password_hash == f"1:{PASSWORD}"


def test_an_admin_needs_no_username(jubilee: Jubilee) -> None:
    words = ("--email", "ada@example.com", "--password-stdin")
    created = jubilee("admin", "create", *words, stdin=f"{PASSWORD}\n")
    assert created.out.endswith(": ada@example.com\n")


@pytest.mark.parametrize(
    ("email", "password", "word"),
    [
        ("ada@example.com", "short", "8 characters"),
        ("ada@example.com", "password123", "too common"),
        ("ada@example.com", "", "PASSWORD"),
        ("no address", PASSWORD, "EMAIL"),
    ],
)
def test_an_invalid_admin_is_refused_in_one_line(
    jubilee: Jubilee, email: str, password: str, word: str
) -> None:
    words = ("--email", email, "--password-stdin")
    refused = jubilee("admin", "create", *words, stdin=f"{password}\n")
    assert (refused.code, refused.out, refused.error.count("\n")) == (1, "", 1)
    assert word in refused.error
    assert not password or password not in refused.error


def test_a_taken_address_is_refused_in_one_line(jubilee: Jubilee) -> None:
    add(jubilee, "ada")
    words = ("--email", "ADA@example.com", "--password-stdin")
    refused = jubilee("admin", "create", *words, stdin=f"{PASSWORD}\n")
    assert (refused.code, refused.error.count("\n"), "e-mail" in refused.error) == (1, 1, True)


def test_without_a_terminal_the_password_must_be_on_standard_input(jubilee: Jubilee) -> None:
    refused = jubilee("admin", "create", "--email", "ada@example.com", stdin=PASSWORD)
    assert refused.error == "jubilee: there is no terminal to ask on: use --password-stdin\n"


def test_an_account_is_shown_by_id_address_and_username(jubilee: Jubilee) -> None:
    (ada,) = add(jubilee, "ada")
    (listed,) = json.loads(jubilee("user", "list", "--json").out)
    for who in (ada, "ADA@example.com", "Ada"):
        shown = json.loads(jubilee("user", "show", who, "--json").out)
        assert shown == {**listed, "roles": "admin user"}
    assert (listed["id"], listed["is_superuser"], listed["full_name"]) == (ada, True, None)
    assert "password_hash" not in listed


def test_the_fields_of_an_account_are_aligned(jubilee: Jubilee) -> None:
    add(jubilee, "ada")
    lines = jubilee("user", "show", "ada").out.splitlines()
    assert f"{'username':<20}ada" in lines
    assert f"{'full_name':<20}-" in lines
    assert f"{'is_superuser':<20}True" in lines


def test_an_unknown_account_is_one_line(jubilee: Jubilee) -> None:
    refused = jubilee("user", "promote", "grace")
    assert (refused.code, refused.out) == (1, "")
    assert refused.error == (
        "jubilee: there is no account with the e-mail, username or id 'grace'\n"
    )


def test_a_list_names_the_newest_first_with_their_roles(jubilee: Jubilee) -> None:
    ada, zoe = add(jubilee, "ada", "zoe")
    jubilee("user", "demote", "zoe")
    disabled = jubilee("user", "disable", "zoe")
    assert disabled.out == f"{zoe}  zoe@example.com  zoe  disabled\n"
    assert jubilee("user", "list").out.splitlines() == [
        f"{zoe}  zoe@example.com  zoe  disabled",
        f"{ada}  ada@example.com  ada  admin",
    ]


def test_a_list_can_be_searched_and_may_be_empty(jubilee: Jubilee) -> None:
    add(jubilee, "ada", "zoe")
    (found,) = jubilee("user", "list", "--search", "ada").out.splitlines()
    assert "ada@example.com" in found
    assert jubilee("user", "list", "--search", "grace").out == ""


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 6])
def test_a_list_is_read_in_pages_up_to_its_limit(
    jubilee: Jubilee, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    ids = add(jubilee, "a1", "a2", "a3", "a4", "a5")[::-1]
    monkeypatch.setattr(pages, "PAGE_SIZE", 2)
    lines = jubilee("user", "list", "--limit", str(limit)).out.splitlines()
    assert [line.split()[0] for line in lines] == ids[:limit]


@pytest.mark.parametrize("limit", ["0", "100001", "-1", "many", "\u0663"])
def test_a_limit_out_of_range_is_refused(jubilee: Jubilee, limit: str) -> None:
    refused = jubilee("user", "list", f"--limit={limit}")
    assert (refused.code, "from 1 to 100000" in refused.error) == (2, True)


def test_roles_change_except_that_of_the_last_admin(jubilee: Jubilee, store: FakeStore) -> None:
    ada, zoe = add(jubilee, "ada", "zoe")
    assert jubilee("user", "demote", "ada").out == f"{ada}  ada@example.com  ada\n"
    for change in ("demote", "disable"):
        refused = jubilee("user", change, "zoe")
        assert refused.code == 1
        assert refused.error == (
            "jubilee: zoe@example.com is the last active admin: promote another account first\n"
        )
    assert jubilee("user", "promote", "ada").out == f"{ada}  ada@example.com  ada  admin\n"
    assert jubilee("user", "disable", "zoe").code == 0
    assert jubilee("user", "enable", "zoe").out == f"{zoe}  zoe@example.com  zoe  admin\n"
    assert {str(one.id): one.is_active for one in store.users.values()} == {ada: True, zoe: True}


def test_a_new_password_is_validated_and_stored(jubilee: Jubilee, store: FakeStore) -> None:
    (ada,) = add(jubilee, "ada")
    words = ("user", "password", "ada", "--password-stdin")
    weak = jubilee(*words, stdin="short\n")
    assert (weak.code, "8 characters" in weak.error) == (1, True)
    assert jubilee(*words, stdin="a mill of many wheels\n").code == 0
    (account,) = store.users.values()
    assert account.id == UUID(ada)
    assert account.password_hash == "1:a mill of many wheels"  # of the fake


def test_a_lock_and_its_end_are_printed_and_a_bad_time_is_refused(jubilee: Jubilee) -> None:
    ada, _ = add(jubilee, "ada", "zoe")
    words = ("user", "lock", "ada", "--reason", "stolen", "--until", "2999-01-01T00:00:00Z")
    assert jubilee(*words).out == f"{ada}  ada@example.com  ada  admin  locked\n"
    assert "lock_reason         stolen" in jubilee("user", "show", "ada").out
    assert jubilee("user", "unlock", "ada").out == f"{ada}  ada@example.com  ada  admin\n"
    refused = jubilee("user", "lock", "ada", "--until", "tomorrow")
    assert (refused.code, "UNTIL" in refused.error) == (2, True)


def test_factors_are_reset_and_an_export_is_queued_in_the_operators_name(
    jubilee: Jubilee, store: FakeStore
) -> None:
    (ada,) = add(jubilee, "ada")
    assert jubilee("user", "reset-mfa", "ada").code == 0
    queued = jubilee("user", "export", "ada")
    [task] = [task for task in store.tasks.values() if task.kind == "account.export"]
    assert queued.out == f"queued as task {task.id}\n"
    acts = [(entry.event, str(entry.subject_id)) for entry in store.audit[-2:]]
    assert acts == [("factors_reset", ada), ("export_requested", ada)]
    assert {entry.actor_id for entry in store.audit[-2:]} == {OPERATOR.user_id}


def test_an_account_that_is_not_locked_cannot_be_unlocked(jubilee: Jubilee) -> None:
    add(jubilee, "ada")
    refused = jubilee("user", "unlock", "ada")
    assert (refused.code, refused.error) == (1, "jubilee: ada@example.com is not locked\n")
