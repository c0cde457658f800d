"""Idempotency-Key: repeated requests over HTTP."""

from typing import Any

import httpx2
import pytest

from jubilee.domain.idempotency.answers import MAX_ANSWER_BYTES
from jubilee.domain.items import MAX_DESCRIPTION_CHARS, MAX_TITLE_CHARS
from jubilee.domain.tasks.task import MAX_DATA_BYTES
from jubilee.entrypoints.http.framework.endpoint import Idempotency
from jubilee.entrypoints.http.registry import ENDPOINTS
from tests.conftest import PASSWORD
from tests.fakes.items import FakeItems
from tests.fakes.passwords import FakePasswordHasher
from tests.fakes.store import FakeStore
from tests.http.keyed_calls import BODIES, Caller
from tests.http.refusals import problem

KEPT = ("content-type", "content-length", "location", "etag")
KEYED = [e for e in ENDPOINTS if e.idempotency is not Idempotency.NONE]
CREATING = {
    "/auth/register",
    "/users",
    "/auth/access-tokens",
    "/invites",
    "/service-accounts",
    "/service-accounts/{id}/access-tokens",
    "/items",
    "/tasks",
}
CHANGED: dict[str, dict[str, Any]] = {
    "passkeys": {"name": "Key"},
    "items": {"title": "Other"},
    "tasks": {"data": {"n": 2}},
    "access-tokens": {"name": "other"},
    "invites": {"role": "auditor"},
    "service-accounts": {"name": "other"},
}


def test_every_creating_post_and_every_patch_honours_the_key() -> None:
    expected = {
        f"{e.method} {e.path}"
        for e in ENDPOINTS
        if e.method == "PATCH" or (e.method == "POST" and e.path in CREATING)
    }
    assert {f"{e.method} {e.path}" for e in KEYED} == expected == BODIES.keys()


@pytest.mark.parametrize("route", BODIES)
async def test_a_repetition_gets_the_first_answer(
    caller: Caller, store: FakeStore, passwords: FakePasswordHasher, route: str
) -> None:
    first = await caller.send(route, BODIES[route])
    assert first.is_success, first.text
    assert "idempotent-replayed" not in first.headers
    rows = len(store.users), len(store.items.rows), len(store.tasks), len(store.jobs)
    work = passwords.hashed, passwords.checks
    again = await caller.send(route, BODIES[route])
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert [again.headers.get(name) for name in KEPT] == [first.headers.get(n) for n in KEPT]
    assert again.headers["idempotent-replayed"] == "true"
    assert (len(store.users), len(store.items.rows), len(store.tasks), len(store.jobs)) == rows
    assert (passwords.hashed, passwords.checks) == work


@pytest.mark.parametrize("route", BODIES)
async def test_another_body_with_the_same_key_is_refused(caller: Caller, route: str) -> None:
    assert (await caller.send(route, BODIES[route])).is_success
    collection = route.removesuffix("/{id}").rpartition("/")[2]
    changed = CHANGED.get(collection, {"full_name": "Eve"})
    problem(await caller.send(route, {**BODIES[route], **changed}), 422, "idempotency_key_reused")


@pytest.mark.parametrize(
    "changed",
    [{"If_Match": '"1"'}, {"Prefer": "return=minimal"}, {"Content_Type": "application/json"}],
)
async def test_a_header_that_changes_the_meaning_makes_another_request(
    caller: Caller, changed: dict[str, str]
) -> None:
    merge = {"Content_Type": "application/merge-patch+json"}
    body = {"title": "Engine"}
    assert (await caller.send("PATCH /items/{id}", body, **merge)).status_code == 200
    answer = await caller.send("PATCH /items/{id}", body, **{**merge, **changed})
    problem(answer, 422, "idempotency_key_reused")


async def test_a_change_of_a_version_is_repeated_with_its_old_tag(caller: Caller) -> None:
    old = {"If_Match": '"1"'}
    first = await caller.send("PATCH /items/{id}", {"title": "Engine"}, **old)
    assert first.headers["etag"] == '"2"'
    again = await caller.send("PATCH /items/{id}", {"title": "Engine"}, **old)
    assert (again.status_code, again.headers["etag"]) == (200, '"2"')


@pytest.mark.parametrize(("route", "status"), [("POST /items", 201), ("PATCH /items/{id}", 204)])
async def test_a_repetition_without_a_body_gets_the_same_headers(
    caller: Caller, route: str, status: int
) -> None:
    first = await caller.send(route, BODIES[route], Prefer="return=minimal")
    again = await caller.send(route, BODIES[route], Prefer="return=minimal")
    assert (again.status_code, again.content) == (status, b"")
    assert [again.headers.get(name) for name in KEPT] == [first.headers.get(n) for n in KEPT]
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["preference-applied"] == "return=minimal"


@pytest.mark.parametrize(
    ("route", "refused", "status"),
    [
        ("POST /items", {"title": ""}, 422),
        ("POST /items", {"titel": "Engine"}, 422),
        ("POST /items", [], 422),
        ("POST /tasks", {"kind": "unknown", "data": {}}, 422),
        ("POST /users", {"email": "zoe@example.com", "password": PASSWORD}, 409),
        ("POST /users", {"email": "eve@example.com", "password": "short"}, 422),
        ("PATCH /users/me", {"password": PASSWORD, "current_password": "wrong"}, 403),
        ("PATCH /users/{id}", {"username": "ada"}, 409),
    ],
)
async def test_a_refused_request_does_not_use_up_its_key(
    caller: Caller, store: FakeStore, route: str, refused: Any, status: int
) -> None:
    assert (await caller.send(route, refused)).status_code == status
    assert store.answers == {}
    answer = await caller.send(route, BODIES[route])
    assert answer.is_success, answer.text


async def test_a_stale_version_does_not_use_up_the_key(caller: Caller, store: FakeStore) -> None:
    stale = await caller.send("PATCH /items/{id}", {"title": "Engine"}, If_Match='"7"')
    problem(stale, 412, "item_changed")
    assert store.answers == {}


async def test_a_failure_of_the_service_does_not_use_up_the_key(
    caller: Caller, store: FakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr(FakeItems, "add", broken)
        problem(await caller.send("POST /items", {"title": "Engine"}), 500, "internal_error")
    assert (await caller.send("POST /items", {"title": "Engine"})).status_code == 201


async def test_a_repetition_needs_valid_credentials(caller: Caller) -> None:
    await caller.send("POST /items", {"title": "Engine"})
    answer = await caller.send("POST /items", {"title": "Engine"}, Authorization="Bearer x")
    problem(answer, 401, "invalid_token")


async def test_an_anonymous_caller_reads_only_the_answer_to_the_same_password(
    client: httpx2.AsyncClient,
) -> None:
    headers, body = {"Idempotency-Key": "1"}, {"email": "eve@example.com", "password": PASSWORD}
    first = await client.post("/users", json=body, headers=headers)
    guessed = await client.post(
        "/users", json={**body, "password": PASSWORD + "?"}, headers=headers
    )
    problem(guessed, 422, "idempotency_key_reused")
    assert "eve" not in guessed.text
    again = await client.post("/users", json=body, headers=headers)
    assert again.json() == first.json()


async def test_an_answer_is_deleted_with_its_account(
    client: httpx2.AsyncClient, caller: Caller, store: FakeStore
) -> None:
    headers, body = {"Idempotency-Key": "1"}, {"email": "eve@example.com", "password": PASSWORD}
    first = await client.post("/users", json=body, headers=headers)
    path = f"/users/{first.json()['id']}"
    rename = {**caller.admin.headers, "Idempotency-Key": "2"}
    assert (await client.patch(path, json={"full_name": "Eve"}, headers=rename)).is_success
    assert len(store.answers) == 2
    assert (await client.delete(path, headers=caller.admin.headers)).status_code == 204
    assert store.answers == {}
    again = await client.post("/users", json=body, headers=headers)
    assert (again.status_code, "idempotent-replayed" in again.headers) == (201, False)


@pytest.mark.parametrize("route", ["GET /items/{id}", "PUT /items/{id}", "DELETE /items/{id}"])
async def test_other_methods_ignore_the_key(caller: Caller, store: FakeStore, route: str) -> None:
    body = {"title": "Engine", "description": None} if route.startswith("PUT") else None
    answer = await caller.send(route, body, Idempotency_Key="not a key")
    assert answer.is_success
    assert store.answers == {}


async def test_without_a_key_nothing_is_stored(caller: Caller, store: FakeStore) -> None:
    for _ in range(2):
        headers = caller.admin.headers
        assert (await caller.client.post("/items", json={"title": "x"}, headers=headers)).is_success
    assert store.answers == {}
    assert len(store.items.rows) == 3


@pytest.mark.parametrize(
    ("route", "body"),
    [
        (
            "POST /items",
            {"title": "𝄞" * MAX_TITLE_CHARS, "description": "𝄞" * MAX_DESCRIPTION_CHARS},
        ),
        ("POST /tasks", {"data": {"a": "𝄞" * (MAX_DATA_BYTES // 4 - 4)}}),
        ("POST /tasks", {"data": {"a": "\x01" * (MAX_DATA_BYTES // 6 - 4)}}),
    ],
)
async def test_the_largest_answers_are_stored(caller: Caller, route: str, body: Any) -> None:
    first = await caller.send(route, body)
    assert first.is_success, first.text
    assert len(first.content) < MAX_ANSWER_BYTES * 0.9
    assert (await caller.send(route, body)).content == first.content


async def test_browsers_may_send_the_key_and_read_the_answer(client: httpx2.AsyncClient) -> None:
    preflight = {
        "Origin": "https://app.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "idempotency-key",
    }
    answer = await client.options("/items", headers=preflight)
    assert "Idempotency-Key" in answer.headers["access-control-allow-headers"].split(", ")
    assert "Idempotent-Replayed" in answer.headers["access-control-expose-headers"].split(", ")


async def test_the_document_declares_the_key(client: httpx2.AsyncClient) -> None:
    document: Any = (await client.get("/openapi.json")).json()
    for endpoint in KEYED:
        operation = document["paths"][endpoint.path][endpoint.method.lower()]
        assert {"$ref": "#/components/parameters/Idempotency-Key"} in operation["parameters"]
        done, *refused = sorted(operation["responses"])
        assert done < "300"
        assert "Idempotent-Replayed" in operation["responses"][done]["headers"]
        assert {"400", "409", "422"} <= set(refused)
    conflicts = document["components"]["examples"]
    assert {"idempotency_key_in_use", "idempotency_key_reused"} <= conflicts.keys()
