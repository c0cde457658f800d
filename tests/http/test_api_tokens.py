"""Personal access tokens over HTTP."""

from typing import Any
from uuid import uuid4

import httpx2
import pytest

from jubilee.domain.api_tokens.text import secret_text
from jubilee.domain.api_tokens.token import PREFIX
from jubilee.domain.scopes import TOKEN_SCOPES
from tests.conftest import PASSWORD, Person, SignUp
from tests.fakes.store import FakeClock, FakeStore
from tests.http.refusals import pointers, problem

PATH = "/auth/access-tokens"
NEW = {"name": "backup", "scopes": ["items:read"]}
NEW_PASSWORD = "another good password"  # of a test


@pytest.fixture
async def zoe(sign_up: SignUp) -> Person:
    return await sign_up("zoe")


async def create(client: httpx2.AsyncClient, person: Person, **more: Any) -> dict[str, Any]:
    """Create a token and return the reply."""
    answer = await client.post(PATH, json=NEW | more, headers=person.headers)
    assert answer.status_code == 201, answer.text
    reply: dict[str, Any] = answer.json()
    return reply


def bearer(created: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {created['token']}"}


async def status(client: httpx2.AsyncClient, created: dict[str, Any]) -> int:
    return (await client.get("/items", headers=bearer(created))).status_code


async def test_check_30_a_token_is_shown_once_and_only_its_hash_is_stored(
    client: httpx2.AsyncClient, zoe: Person, store: FakeStore
) -> None:
    created = await create(client, zoe)
    assert created["token"].startswith("jbl_")
    listed = (await client.get(PATH, headers=zoe.headers)).json()["items"]
    assert listed == [{name: value for name, value in created.items() if name != "token"}]
    [row] = store.api_tokens.values()
    assert created["token"].encode() not in row.token_hash
    assert created["token"] not in repr(row)


async def test_the_reply_has_name_scopes_and_times(client: httpx2.AsyncClient, zoe: Person) -> None:
    created = await create(
        client,
        zoe,
        scopes=["tasks:write", "items:read", "items:read"],
        expires_at="2027-01-01T00:00:00Z",
    )
    assert created["scopes"] == ["items:read", "tasks:write"]
    assert (created["name"], created["last_used_at"]) == ("backup", None)
    assert created["created_at"] == "2026-11-20T09:00:00Z"
    assert created["expires_at"] == "2027-01-01T00:00:00Z"


async def test_check_30_a_token_acts_for_its_account_within_its_scopes(
    client: httpx2.AsyncClient, zoe: Person
) -> None:
    token = bearer(await create(client, zoe, scopes=["items:write", "profile:read"]))
    made = await client.post("/items", json={"title": "Engine"}, headers=token)
    assert made.json()["owner_id"] == str(zoe.user.id)
    assert (await client.get("/users/me", headers=token)).json()["username"] == "zoe"
    refused = await client.get("/items", headers=token)
    problem(refused, 403, "insufficient_scope")


async def test_check_30_a_read_token_cannot_write(client: httpx2.AsyncClient, zoe: Person) -> None:
    token = bearer(await create(client, zoe))
    answer = await client.post("/items", json={"title": "Engine"}, headers=token)
    assert problem(answer, 403, "insufficient_scope")["detail"].endswith("needed: items:write.")


async def test_check_30_an_expired_or_deleted_token_is_401_at_once(
    client: httpx2.AsyncClient, zoe: Person, clock: FakeClock
) -> None:
    short, deleted = (
        await create(client, zoe, expires_at="2026-11-20T09:01:00Z"),
        await create(client, zoe),
    )
    assert (await status(client, short), await status(client, deleted)) == (200, 200)
    gone = await client.delete(f"{PATH}/{deleted['id']}", headers=zoe.headers)
    assert (gone.status_code, await status(client, deleted)) == (204, 401)
    clock.tick(minutes=1)
    problem(await client.get("/items", headers=bearer(short)), 401, "invalid_token")


async def test_a_mistyped_or_unknown_token_is_401(client: httpx2.AsyncClient, zoe: Person) -> None:
    known = (await create(client, zoe))["token"]
    for text in (known[:-1], known + "x", known.swapcase(), secret_text(PREFIX, bytes(24))):
        answer = await client.get("/items", headers={"Authorization": f"Bearer {text}"})
        problem(answer, 401, "invalid_token")


async def test_the_token_of_another_account_is_404(
    client: httpx2.AsyncClient, zoe: Person, sign_up: SignUp
) -> None:
    created, eve = await create(client, zoe), await sign_up("eve")
    for token_id in (created["id"], uuid4()):
        answer = await client.delete(f"{PATH}/{token_id}", headers=eve.headers)
        problem(answer, 404, "api_token_not_found")
    assert (await client.get(PATH, headers=eve.headers)).json()["items"] == []
    assert await status(client, created) == 200


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"scopes": []}, "#/scopes"),
        ({"scopes": ["account"]}, "#/scopes/0"),
        ({"scopes": ["items:read", "x"]}, "#/scopes/1"),
        ({"scopes": [7]}, "#/scopes/0"),
        ({"scopes": ["items:read"] * (len(TOKEN_SCOPES) + 1)}, "#/scopes"),
        ({"name": ""}, "#/name"),
        ({"expires_at": "tomorrow"}, "#/expires_at"),
        ({"token": "jbl_x"}, "#/token"),
        ({"user_id": str(uuid4())}, "#/user_id"),
    ],
)
async def test_an_invalid_token_is_422(
    client: httpx2.AsyncClient, zoe: Person, change: dict[str, Any], pointer: str
) -> None:
    answer = await client.post(PATH, json=NEW | change, headers=zoe.headers)
    assert pointer in pointers(answer)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"scopes": ["admin"]}, "invalid_token_scope"),
        ({"name": "\u2800"}, "invalid_token_name"),
        ({"expires_at": "2026-11-20T09:00:00Z"}, "invalid_token_expiry"),
        ({"expires_at": "2030-01-01T00:00:00Z"}, "invalid_token_expiry"),
    ],
)
async def test_a_token_beyond_the_rules_is_422(
    client: httpx2.AsyncClient, zoe: Person, change: dict[str, Any], code: str
) -> None:
    answer = await client.post(PATH, json=NEW | change, headers=zoe.headers)
    assert pointers(answer, code=code) == {f"#/{next(iter(change))}"}


async def test_an_account_has_a_maximum_number_of_tokens(
    client: httpx2.AsyncClient, zoe: Person
) -> None:
    first, *_ = [await create(client, zoe) for _ in range(5)]
    problem(await client.post(PATH, json=NEW, headers=zoe.headers), 429, "too_many_api_tokens")
    await client.delete(f"{PATH}/{first['id']}", headers=zoe.headers)
    await create(client, zoe)


async def test_an_admins_token_is_a_plain_one_without_the_scope(
    client: httpx2.AsyncClient, zoe: Person, sign_up: SignUp
) -> None:
    ada = await sign_up("ada", is_superuser=True)
    item = await client.post("/items", json={"title": "Zoe's"}, headers=zoe.headers)
    path = f"/items/{item.json()['id']}"
    plain, admin = [
        bearer(await create(client, ada, scopes=["items:write", *more])) for more in ([], ["admin"])
    ]
    problem(await client.delete(path, headers=plain), 403, "not_allowed")
    assert (await client.delete(path, headers=admin)).status_code == 204


@pytest.mark.parametrize("by", ["self", "admin"])
async def test_a_new_password_ends_all_tokens(
    client: httpx2.AsyncClient, zoe: Person, sign_up: SignUp, by: str
) -> None:
    created, ada = await create(client, zoe), await sign_up("ada", is_superuser=True)
    path, person = ("/users/me", zoe) if by == "self" else (f"/users/{zoe.user.id}", ada)
    body = {"password": NEW_PASSWORD, "current_password": PASSWORD}
    changed = await client.patch(path, json=body, headers=person.headers)
    assert (changed.status_code, await status(client, created)) == (200, 401)


async def test_disabling_an_account_ends_its_tokens_for_good(
    client: httpx2.AsyncClient, zoe: Person, sign_up: SignUp
) -> None:
    created, ada = await create(client, zoe), await sign_up("ada", is_superuser=True)
    for is_active in (False, True):
        body = {"is_active": is_active}
        await client.patch(f"/users/{zoe.user.id}", json=body, headers=ada.headers)
        assert await status(client, created) == 401


async def test_a_change_of_the_profile_keeps_the_tokens(
    client: httpx2.AsyncClient, zoe: Person
) -> None:
    created = await create(client, zoe)
    await client.patch("/users/me", json={"full_name": "Zoe Quill"}, headers=zoe.headers)
    assert await status(client, created) == 200


async def test_tokens_are_audited_without_their_texts(
    client: httpx2.AsyncClient, zoe: Person, store: FakeStore
) -> None:
    before = len(store.audit)
    first, second = await create(client, zoe), await create(client, zoe)
    await client.delete(f"{PATH}/{first['id']}", headers=zoe.headers)
    body = {"password": NEW_PASSWORD, "current_password": PASSWORD}
    await client.patch("/users/me", json=body, headers=zoe.headers)
    entries = store.audit[before:]
    assert [entry.event for entry in entries] == [
        "api_token_created",
        "api_token_created",
        "api_token_deleted",
        "password_changed",
        "sessions_ended",
        "api_tokens_deleted",
    ]
    assert entries[0].details == {"token_id": first["id"], "scopes": "items:read"}
    assert {entry.actor_id for entry in entries} == {zoe.user.id}
    assert first["token"] not in str(entries)
    assert second["token"] not in str(entries)


async def test_a_repeated_creation_gets_the_same_token_which_is_stored_sealed(
    client: httpx2.AsyncClient, zoe: Person, store: FakeStore
) -> None:
    headers = {**zoe.headers, "Idempotency-Key": str(uuid4())}
    first, again = [await client.post(PATH, json=NEW, headers=headers) for _ in range(2)]
    assert first.json() == again.json()
    assert len(store.api_tokens) == 1
    [answer] = store.answers.values()
    assert first.json()["token"].encode() not in answer.content


async def test_a_token_waits_for_a_task_and_repeats_a_request_as_a_session_does(
    client: httpx2.AsyncClient, zoe: Person
) -> None:
    token = bearer(await create(client, zoe, scopes=["tasks:read", "tasks:write"]))
    keyed = {**token, "Idempotency-Key": str(uuid4())}
    body = {"data": {"n": 1}}
    first, again = [await client.post("/tasks", json=body, headers=keyed) for _ in range(2)]
    assert first.json()["id"] == again.json()["id"]
    waited = await client.get(f"/tasks/{first.json()['id']}?wait=0", headers=token)
    assert waited.status_code == 200
