"""Service accounts over HTTP: their tokens, and the client credentials grant."""

from base64 import b64encode
from typing import Any
from urllib.parse import quote_plus
from uuid import uuid4

import httpx2
import pytest

from tests.conftest import PASSWORD, Person, SignUp
from tests.fakes.store import FakeClock, FakeStore
from tests.http.refusals import pointers, problem

PATH = "/service-accounts"
NEW = {"name": "nightly import", "scopes": ["items:read", "items:write"]}
GRANT = {"grant_type": "client_credentials"}


@pytest.fixture
async def admin(sign_up: SignUp) -> Person:
    return await sign_up("ada", is_superuser=True)


@pytest.fixture
async def machine(client: httpx2.AsyncClient, admin: Person) -> dict[str, Any]:
    """A new service account with its secret."""
    answer = await client.post(PATH, json=NEW, headers=admin.headers)
    assert answer.status_code == 201, answer.text
    reply: dict[str, Any] = answer.json()
    return reply


def credentials(machine: dict[str, Any], **more: str) -> dict[str, str]:
    """The form of a grant."""
    known = {"client_id": machine["id"], "client_secret": machine["client_secret"]}
    return {**GRANT, **known, **more}


def basic(client_id: str, secret: str) -> dict[str, str]:
    encoded = b64encode(f"{quote_plus(client_id)}:{quote_plus(secret)}".encode()).decode()
    return {"Authorization": f"Basic {encoded}"}


async def grant(client: httpx2.AsyncClient, form: dict[str, str], **more: Any) -> httpx2.Response:
    return await client.post("/auth/token", data=form, **more)


def bearer(answer: httpx2.Response) -> dict[str, str]:
    assert answer.is_success, answer.text
    reply = answer.json()
    return {"Authorization": f"Bearer {reply.get('access_token') or reply['token']}"}


async def test_a_service_account_is_owned_by_an_admin_and_shows_its_secret_once(
    client: httpx2.AsyncClient, admin: Person, machine: dict[str, Any], store: FakeStore
) -> None:
    assert machine["client_secret"].startswith("jbs_")
    assert machine["owner_id"] == str(admin.user.id)
    shown = {name: value for name, value in machine.items() if name != "client_secret"}
    assert (await client.get(PATH, headers=admin.headers)).json()["items"] == [shown]
    one = await client.get(f"{PATH}/{machine['id']}", headers=admin.headers)
    assert one.json() == shown
    assert machine["client_secret"] not in repr(store.service_accounts)


@pytest.mark.parametrize("by", ["form", "json", "basic"])
async def test_a_client_gets_a_short_token_with_its_scopes(
    client: httpx2.AsyncClient, machine: dict[str, Any], clock: FakeClock, by: str
) -> None:
    if by == "basic":
        header = basic(machine["id"], machine["client_secret"])
        answer = await grant(client, GRANT, headers=header)
    else:
        kind = {"form": "data", "json": "json"}[by]
        answer = await client.post("/auth/token", **{kind: credentials(machine)})  # type: ignore[arg-type]  # the test says how
    reply = answer.json()
    assert (reply["token_type"], reply["expires_in"]) == ("bearer", 1800)
    assert reply["scope"] == "items:read items:write"
    assert "refresh_token" not in reply
    assert answer.headers["cache-control"] == "no-store"
    made = await client.post("/items", json={"title": "Engine"}, headers=bearer(answer))
    assert made.json()["owner_id"] == machine["id"]
    clock.tick(minutes=30)
    problem(await client.get("/items", headers=bearer(answer)), 401, "invalid_token")


async def test_a_client_may_ask_for_fewer_scopes(
    client: httpx2.AsyncClient, machine: dict[str, Any]
) -> None:
    answer = await grant(client, credentials(machine, scope="items:read"))
    assert answer.json()["scope"] == "items:read"
    refused = await client.post("/items", json={"title": "x"}, headers=bearer(answer))
    problem(refused, 403, "insufficient_scope")


@pytest.mark.parametrize("scope", ["tasks:read", "items:read x", "admin", "account"])
async def test_a_client_gets_no_scope_that_its_account_lacks(
    client: httpx2.AsyncClient, machine: dict[str, Any], scope: str
) -> None:
    answer = await grant(client, credentials(machine, scope=scope))
    assert problem(answer, 400, "invalid_scope")["error"] == "invalid_scope"


async def test_check_8_an_unknown_client_and_a_wrong_secret_get_the_same_answer(
    client: httpx2.AsyncClient, machine: dict[str, Any], store: FakeStore
) -> None:
    before, answers = len(store.audit), []
    for client_id in (machine["id"], str(uuid4()), "no id"):
        form = {**GRANT, "client_id": client_id, "client_secret": "wrong"}
        answer = await grant(client, form)
        document = problem(answer, 401, "invalid_client")
        assert document["error"] == "invalid_client"
        assert answer.headers["www-authenticate"] == 'Basic realm="jubilee"'
        answers.append({**document, "request_id": ""})
    assert answers[0] == answers[1] == answers[2]
    entries = store.audit[before:]
    assert [entry.event for entry in entries] == ["sign_in_failed"] * 3
    assert entries[0].details == {"reason": "wrong_client_secret"}


@pytest.mark.parametrize("header", ["Basic", "Basic x", "Basic eA==", "Bearer x", "Basic /w=="])
async def test_a_malformed_header_is_a_wrong_client(
    client: httpx2.AsyncClient, header: str
) -> None:
    answer = await grant(client, GRANT, headers={"Authorization": header})
    problem(answer, 401, "invalid_client")


async def test_a_client_is_authenticated_in_one_way(
    client: httpx2.AsyncClient, machine: dict[str, Any]
) -> None:
    header = basic(machine["id"], machine["client_secret"])
    answer = await grant(client, credentials(machine), headers=header)
    assert pointers(answer) == {"#/client_secret"}
    assert pointers(await grant(client, GRANT)) == {"#/client_id", "#/client_secret"}


async def test_guesses_at_a_secret_are_limited_as_sign_ins_are(
    client: httpx2.AsyncClient, machine: dict[str, Any]
) -> None:
    for _ in range(10):
        wrong = await grant(client, credentials(machine, client_secret="wrong"))
        assert wrong.status_code == 401
    locked = await grant(client, credentials(machine))
    problem(locked, 429, "too_many_attempts")


async def test_a_service_account_cannot_sign_in_with_a_password_or_get_one(
    client: httpx2.AsyncClient, admin: Person, machine: dict[str, Any]
) -> None:
    account = (await client.get(f"/users/{machine['id']}", headers=admin.headers)).json()
    for password in (PASSWORD, machine["client_secret"]):
        form = {"username": account["email"], "password": password}
        problem(await client.post("/auth/token", data=form), 400, "invalid_grant")
    for change in ({"password": PASSWORD}, {"email": "m@example.com"}, {"is_superuser": True}):
        path = f"/users/{machine['id']}"
        answer = await client.patch(path, json=change, headers=admin.headers)
        problem(answer, 409, "service_account")


async def test_a_service_account_gets_roles_but_not_that_of_admins(
    client: httpx2.AsyncClient, admin: Person, machine: dict[str, Any]
) -> None:
    path = f"/users/{machine['id']}/roles"
    refused = await client.put(path, json={"roles": ["admin"]}, headers=admin.headers)
    problem(refused, 409, "service_account")
    granted = await client.put(path, json={"roles": ["auditor"]}, headers=admin.headers)
    assert granted.status_code == 200


async def test_an_admin_manages_the_tokens_of_a_service_account(
    client: httpx2.AsyncClient, admin: Person, machine: dict[str, Any]
) -> None:
    path = f"{PATH}/{machine['id']}/access-tokens"
    new = {"name": "long", "scopes": ["items:read"]}
    created = await client.post(path, json=new, headers=admin.headers)
    assert (await client.get("/items", headers=bearer(created))).status_code == 200
    await grant(client, credentials(machine))
    listed = (await client.get(path, headers=admin.headers)).json()["items"]
    assert [row["name"] for row in listed] == ["long"]
    one = f"{path}/{created.json()['id']}"
    assert (await client.delete(one, headers=admin.headers)).status_code == 204
    problem(await client.delete(one, headers=admin.headers), 404, "api_token_not_found")
    assert (await client.get("/items", headers=bearer(created))).status_code == 401


async def test_a_token_of_a_service_account_has_no_more_scopes_than_it(
    client: httpx2.AsyncClient, admin: Person, machine: dict[str, Any]
) -> None:
    path = f"{PATH}/{machine['id']}/access-tokens"
    new = {"name": "x", "scopes": ["tasks:read"]}
    answer = await client.post(path, json=new, headers=admin.headers)
    problem(answer, 422, "invalid_token_scope")


async def test_an_admin_makes_no_token_of_another_person(
    client: httpx2.AsyncClient, admin: Person, sign_up: SignUp, store: FakeStore
) -> None:
    zoe = await sign_up("zoe")
    path = f"{PATH}/{zoe.user.id}/access-tokens"
    new = {"name": "x", "scopes": ["items:read"]}
    answer = await client.post(path, json=new, headers=admin.headers)
    problem(answer, 404, "service_account_not_found")
    assert store.api_tokens == {}


async def test_a_new_secret_ends_the_old_one_and_all_tokens(
    client: httpx2.AsyncClient, admin: Person, machine: dict[str, Any]
) -> None:
    token = bearer(await grant(client, credentials(machine)))
    path = f"{PATH}/{machine['id']}/secret"
    replaced = (await client.post(path, headers=admin.headers)).json()
    assert (await client.get("/items", headers=token)).status_code == 401
    problem(await grant(client, credentials(machine)), 401, "invalid_client")
    assert (await grant(client, credentials(replaced))).status_code == 200


async def test_a_disabled_or_deleted_service_account_gets_no_token(
    client: httpx2.AsyncClient, admin: Person, machine: dict[str, Any]
) -> None:
    token = bearer(await grant(client, credentials(machine)))
    path, body = f"/users/{machine['id']}", {"is_active": False}
    assert (await client.patch(path, json=body, headers=admin.headers)).status_code == 200
    assert (await client.get("/items", headers=token)).status_code == 401
    problem(await grant(client, credentials(machine)), 401, "invalid_client")
    deleted = await client.delete(f"{PATH}/{machine['id']}", headers=admin.headers)
    assert deleted.status_code == 204
    problem(await grant(client, credentials(machine)), 401, "invalid_client")
    problem(await client.get(path, headers=admin.headers), 404, "user_not_found")


async def test_a_deleted_admin_leaves_the_service_account_without_an_owner(
    client: httpx2.AsyncClient, admin: Person, machine: dict[str, Any], sign_up: SignUp
) -> None:
    root = await sign_up("root", is_superuser=True)
    await client.delete(f"/users/{admin.user.id}", headers=root.headers)
    found = await client.get(f"{PATH}/{machine['id']}", headers=root.headers)
    assert found.json()["owner_id"] is None
    assert (await grant(client, credentials(machine))).status_code == 200


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"scopes": ["admin"]}, "invalid_service_account_scope"),
        ({"name": "\u2800"}, "invalid_service_account_name"),
    ],
)
async def test_an_invalid_service_account_is_422(
    client: httpx2.AsyncClient, admin: Person, change: dict[str, Any], code: str
) -> None:
    answer = await client.post(PATH, json=NEW | change, headers=admin.headers)
    assert pointers(answer, code=code) == {f"#/{next(iter(change))}"}


async def test_short_tokens_do_not_pile_up(
    client: httpx2.AsyncClient, machine: dict[str, Any], store: FakeStore, clock: FakeClock
) -> None:
    tokens = [bearer(await grant(client, credentials(machine))) for _ in range(101)]
    assert len(store.api_tokens) == 100
    assert (await client.get("/items", headers=tokens[-1])).status_code == 200
    clock.tick(minutes=30)
    await grant(client, credentials(machine))
    assert len(store.api_tokens) == 1


async def test_service_accounts_are_audited(
    client: httpx2.AsyncClient, admin: Person, machine: dict[str, Any], store: FakeStore
) -> None:
    await grant(client, credentials(machine))
    await client.post(f"{PATH}/{machine['id']}/secret", headers=admin.headers)
    await client.delete(f"{PATH}/{machine['id']}", headers=admin.headers)
    found = [entry for entry in store.audit if str(entry.subject_id) == machine["id"]]
    assert [entry.event for entry in found] == [
        "service_account_created",
        "api_token_created",
        "client_secret_replaced",
        "account_deleted",
    ]
    assert found[1].actor_id == found[1].subject_id
    assert found[1].details["reason"] == "client_credentials"
    assert machine["client_secret"] not in str(found)
