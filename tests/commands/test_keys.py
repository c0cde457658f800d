"""`jubilee keys`: what it prints, changes and refuses."""

import json
from uuid import UUID

from jubilee.adapters.secret_cipher import AesSecretCipher
from jubilee.domain.factors.factor import TotpFactor
from jubilee.domain.identity import UserId
from tests.commands.conftest import Jubilee
from tests.fakes.store import START, FakeStore


def test_a_key_is_added_listed_and_retired(jubilee: Jubilee, store: FakeStore) -> None:
    added = jubilee("keys", "rotate", "--now")
    (key_id,) = store.signing_keys
    assert added.out.startswith(f"{key_id} signs from ")
    (listed,) = json.loads(jubilee("keys", "list", "--json").out)
    assert (listed["id"], listed["algorithm"], listed["signs_until"]) == (key_id, "EdDSA", None)
    store.clock.tick(seconds=1)
    assert jubilee("keys", "retire", "--", key_id).out == f"{key_id} is retired\n"
    successor, former = json.loads(jubilee("keys", "list", "--json").out)
    assert (former["id"], former["state"], successor["signs_until"]) == (key_id, "retired", None)


def test_a_table_has_a_line_for_each_key(jubilee: Jubilee) -> None:
    for _ in range(2):
        jubilee("keys", "rotate")
    head, *rows = jubilee("keys", "list").out.splitlines()
    assert head.split()[:3] == ["id", "algorithm", "state"]
    assert len(rows) == 2


def test_a_revoked_key_is_gone(jubilee: Jubilee, store: FakeStore) -> None:
    jubilee("keys", "rotate", "--now")
    (key_id,) = store.signing_keys
    assert jubilee("keys", "retire", "--revoke", "--", key_id).out == f"{key_id} is revoked\n"
    assert key_id not in store.signing_keys


def test_secrets_are_counted_by_the_secret_key_that_sealed_them(
    jubilee: Jubilee, store: FakeStore
) -> None:
    zoe = UserId(UUID(int=1))
    for number, key in enumerate((b"f" * 32, b"x" * 32), 1):
        app = UUID(int=number)
        sealed = AesSecretCipher(key).seal(app.bytes, b"secret")
        store.factors.totp[app] = TotpFactor(
            id=app, user_id=zoe, sealed_secret=sealed, created_at=START
        )
    jubilee("keys", "rotate")
    assert json.loads(jubilee("keys", "status", "--json").out) == {
        "authenticator apps": {"current": 1, "previous": 0, "unreadable": 1},
        "signing keys": {"current": 1, "previous": 0, "unreadable": 0},
    }
    head, *rows = jubilee("keys", "status").out.splitlines()
    assert head.split() == ["secrets", "current", "previous", "unreadable"]
    assert [row.split() for row in rows] == [
        ["authenticator", "apps", "1", "0", "1"],
        ["signing", "keys", "1", "0", "0"],
    ]


def test_an_unknown_key_is_refused_in_one_line(jubilee: Jubilee) -> None:
    refused = jubilee("keys", "retire", "unknown")
    expected = "jubilee: There is no signing key with this id.\n"
    assert (refused.code, refused.error) == (1, expected)
