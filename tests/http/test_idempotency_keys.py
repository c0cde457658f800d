"""Idempotency-Key: which values are keys, and to which requests a key belongs."""

import pytest

from tests.fakes.store import FakeStore
from tests.http.keyed_calls import KEY, Caller
from tests.http.refusals import problem


async def test_the_quoted_form_is_the_same_key(caller: Caller) -> None:
    first = await caller.send("POST /items", {"title": "Engine"}, Idempotency_Key="a-1")
    again = await caller.send("POST /items", {"title": "Engine"}, Idempotency_Key=' "a-1" ')
    assert again.json() == first.json()


@pytest.mark.parametrize("key", ["k" * 255, '"' + "k" * 255 + '"', '"' + r"\"" * 255 + '"', '" "'])
async def test_a_key_has_up_to_255_characters(caller: Caller, key: str) -> None:
    answer = await caller.send("POST /items", {"title": "Engine"}, Idempotency_Key=key)
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize(
    "key",
    [
        "",
        '""',
        "k" * 256,
        '"' + "k" * 256 + '"',
        "a b",
        'a"b',
        '"a',
        r'"\a"',
        "a\\",
        "\xe9",
        '"\t"',
    ],
)
async def test_a_malformed_key_is_refused(caller: Caller, store: FakeStore, key: str) -> None:
    before = len(store.items.rows)
    sent = {**caller.admin.headers, "Idempotency-Key": key}
    raw = [(name.encode(), value.encode("latin-1")) for name, value in sent.items()]
    answer = await caller.client.post("/items", json={"title": "Engine"}, headers=raw)
    problem(answer, 400, "malformed_idempotency_key")
    assert len(store.items.rows) == before


async def test_two_keys_are_refused(caller: Caller) -> None:
    headers = [*caller.admin.headers.items(), ("Idempotency-Key", "a"), ("Idempotency-Key", "a")]
    answer = await caller.client.post("/items", json={"title": "Engine"}, headers=headers)
    problem(answer, 400, "malformed_idempotency_key")


async def test_a_key_belongs_to_its_caller_and_path(caller: Caller) -> None:
    first = await caller.send("POST /items", {"title": "Engine"})
    other = await caller.send("POST /items", {"title": "Engine"}, **caller.other.headers)
    path = await caller.send("POST /tasks", {"data": {"n": 1}})
    for answer in (other, path):
        assert answer.is_success
        assert "idempotent-replayed" not in answer.headers
    assert other.json()["id"] != first.json()["id"]


async def test_a_key_is_the_same_at_every_mount(caller: Caller) -> None:
    first = await caller.send("POST /items", {"title": "Engine"})
    headers = {**caller.admin.headers, "Idempotency-Key": KEY}
    again = await caller.client.post(
        "http://api.test/v1/api/items", json={"title": "Engine"}, headers=headers
    )
    assert again.json() == first.json()
