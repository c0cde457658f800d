"""Accounts over HTTP."""

from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from tests.conftest import PASSWORD, Person, SignUp
from tests.fakes.passwords import FakePasswordHasher
from tests.fakes.store import FakeClock, FakeStore
from tests.http.refusals import pointers, problem

VALID: dict[str, Any] = {"email": "zoe@example.com", "password": PASSWORD}
NEW = "another good password"
REPLY = {
    "id", "email", "username", "full_name", "is_active", "is_superuser", "oauth_provider",
    "identities", "date_of_birth", "time_zone", "birthday_greeting", "locale", "email_verified",
    "locked_at", "locked_until", "created_at", "updated_at",
}  # fmt: skip


@pytest.fixture
async def zoe(sign_up: SignUp) -> Person:
    return await sign_up("zoe", full_name="Zoe Quill", time_zone="Europe/Vienna")


@pytest.fixture
async def admin(sign_up: SignUp) -> Person:
    return await sign_up("ada", is_superuser=True)


@pytest.mark.parametrize("route", ["/users", "/auth/register"])
async def test_anyone_may_register(
    client: httpx2.AsyncClient, store: FakeStore, route: str
) -> None:
    body = {**VALID, "username": "Zoë", "date_of_birth": "1990-02-28", "time_zone": "Europe/Vienna"}
    answer = await client.post(route, json=body)
    assert answer.status_code == 201
    user = answer.json()
    assert user.keys() == REPLY
    assert answer.headers["location"] == f"/api/users/{user['id']}"
    assert (user["username"], user["date_of_birth"]) == ("Zoë", "1990-02-28")
    assert (user["is_active"], user["is_superuser"]) == (True, False)
    assert user["created_at"] == "2026-11-20T09:00:00Z"
    assert [job.owner_id for job in store.jobs] == [UUID(user["id"])]


READ_ONLY = ["id", "is_superuser", "is_active", "created_at", "password_hash", "oauth_provider"]


@pytest.mark.parametrize("route", ["POST /users", "PUT /users/me", "PATCH /users/me"])
async def test_check_35_read_only_members_are_refused(
    client: httpx2.AsyncClient, zoe: Person, store: FakeStore, route: str
) -> None:
    method, path = route.split()
    for member in READ_ONLY:
        body = {"email": "new@example.com", "password": PASSWORD, member: True}
        answer = await client.request(method, path, json=body, headers=zoe.headers)
        assert pointers(answer) == {f"#/{member}"}
    assert store.users == {zoe.user.id: zoe.user}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"email": "ZOE@Example.com"}, "email_taken"),
        ({"email": "new@example.com", "username": "ZOE"}, "username_taken"),
    ],
)
async def test_check_9_a_taken_name_or_address_is_409(
    client: httpx2.AsyncClient, zoe: Person, admin: Person, body: dict[str, str], code: str
) -> None:
    problem(await client.post("/users", json={**VALID, **body}), 409, code)
    url = f"/users/{admin.user.id}"
    change = {**body, "current_password": PASSWORD}
    problem(await client.patch(url, json=change, headers=admin.headers), 409, code)


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("qzkwvjx", "password_too_short"),
        ("🐴🔋📎🎂🎈🎁🎉", "password_too_short"),
        ("password123", "password_too_common"),
        ("ZOE@example.com", "password_too_common"),
        ("x" * 257, "password_too_long"),
        ("x" * 10_000, "password_too_long"),
        ("x" * 10_001, "invalid_request"),
    ],
)
async def test_check_4_an_invalid_password_is_422_and_never_hashed(
    client: httpx2.AsyncClient, passwords: FakePasswordHasher, password: str, code: str
) -> None:
    answer = await client.post("/users", json={**VALID, "password": password})
    assert pointers(answer, 422, code) == {"#/password"}
    assert password not in answer.text
    assert passwords.hashed == 0


@pytest.mark.parametrize(
    "email",
    [
        "zoe",
        "zoe@",
        "@x.example",
        "a b@example.com",
        "Zoe <z@example.com>",
        "z@x" * 100,
        "z@example.com\n",
        " z@example.com",
        "z@example.com\u00a0",
        "=?utf-8?Q?x=0D=0ABcc=3A_evil=40evil.example?=@example.com",
        f"{'é' * 33}@example.com",
        f"{'z' * 65}@example.com",
    ],
)
async def test_an_invalid_address_is_refused(client: httpx2.AsyncClient, email: str) -> None:
    assert pointers(await client.post("/users", json={**VALID, "email": email})) == {"#/email"}


@pytest.mark.parametrize("name", ["", "-zoe", "z e", "z@e", "z/e", "z\u200de", "x" * 65, "\u0301a"])
async def test_an_invalid_username_is_refused(client: httpx2.AsyncClient, name: str) -> None:
    answer = await client.post("/users", json={**VALID, "username": name})
    assert pointers(answer) == {"#/username"}


@pytest.mark.parametrize("date_of_birth", ["2026-11-22", "9999-12-31"])
async def test_a_date_of_birth_in_the_future_is_refused(
    client: httpx2.AsyncClient, zoe: Person, date_of_birth: str
) -> None:
    answer = await client.post("/users", json={**VALID, "date_of_birth": date_of_birth})
    assert pointers(answer, 422, "not_born_yet") == {"#/date_of_birth"}
    change = {"date_of_birth": date_of_birth}
    answer = await client.patch("/users/me", json=change, headers=zoe.headers)
    assert pointers(answer, 422, "not_born_yet") == {"#/date_of_birth"}


@pytest.mark.parametrize("path", ["/users/me", "/auth/me"])
async def test_check_35_an_account_is_read_without_its_hash(
    client: httpx2.AsyncClient, zoe: Person, path: str
) -> None:
    answer = await client.get(path, headers=zoe.headers)
    assert answer.json().keys() == REPLY
    assert answer.json()["id"] == str(zoe.user.id)
    assert answer.headers["cache-control"] == "no-store"


async def test_a_patch_keeps_absent_members_and_removes_null_ones(
    client: httpx2.AsyncClient, zoe: Person, clock: FakeClock
) -> None:
    clock.tick(minutes=5)
    for media in ("application/merge-patch+json", "application/json"):
        headers = zoe.headers | {"Content-Type": media}
        change = b'{"full_name": null, "birthday_greeting": false}'
        answer = await client.patch("/users/me", content=change, headers=headers)
        user = answer.json()
        assert (user["full_name"], user["birthday_greeting"]) == (None, False)
        assert (user["username"], user["time_zone"]) == ("zoe", "Europe/Vienna")
        assert user["updated_at"] == "2026-11-20T09:05:00Z"


@pytest.mark.parametrize("member", ["email", "birthday_greeting", "is_active", "is_superuser"])
async def test_a_required_member_cannot_be_null(
    client: httpx2.AsyncClient, zoe: Person, admin: Person, member: str
) -> None:
    url = f"/users/{zoe.user.id}"
    answer = await client.patch(url, json={member: None}, headers=admin.headers)
    assert pointers(answer) == {f"#/{member}"}


async def test_another_patch_type_is_415_with_accept_patch(
    client: httpx2.AsyncClient, zoe: Person
) -> None:
    headers = zoe.headers | {"Content-Type": "application/json-patch+json"}
    answer = await client.patch("/users/me", content=b"[]", headers=headers)
    problem(answer, 415, "unsupported_media_type")
    assert "application/merge-patch+json" in answer.headers["accept-patch"]
    for body in ("[]", "null", '"x"'):
        headers["Content-Type"] = "application/merge-patch+json"
        answer = await client.patch("/users/me", content=body.encode(), headers=headers)
        assert pointers(answer) == {"#"}


async def test_a_put_resets_absent_members_to_their_defaults(
    client: httpx2.AsyncClient, zoe: Person
) -> None:
    body = {"email": "zoe@example.com", "username": "zoe"}
    for _ in range(2):
        answer = await client.put("/users/me", json=body, headers=zoe.headers)
        user = answer.json()
        assert (user["full_name"], user["time_zone"], user["username"]) == (None, None, "zoe")
    assert pointers(await client.put("/users/me", json={}, headers=zoe.headers)) == {"#/email"}


async def test_check_7_changing_address_or_password_needs_the_current_password(
    client: httpx2.AsyncClient, zoe: Person
) -> None:
    for change in ({"email": "new@example.com"}, {"password": NEW}):
        answer = await client.patch("/users/me", json=change, headers=zoe.headers)
        assert pointers(answer, 422, "current_password_needed") == {"#/current_password"}
        wrong = {**change, "current_password": "wrong"}
        answer = await client.patch("/users/me", json=wrong, headers=zoe.headers)
        problem(answer, 403, "wrong_current_password")
    body = {"email": "new@example.com", "current_password": PASSWORD}
    assert (await client.put("/users/me", json=body, headers=zoe.headers)).status_code == 200


async def test_a_new_password_ends_all_other_sessions(
    client: httpx2.AsyncClient, zoe: Person
) -> None:
    sign_in = {"username": "zoe", "password": PASSWORD}
    other = (await client.post("/auth/token", data=sign_in)).json()
    change = {"password": NEW, "current_password": PASSWORD}
    await client.patch("/users/me", json=change, headers=zoe.headers)
    headers = {"Authorization": f"Bearer {other['access_token']}"}
    problem(await client.get("/users/me", headers=headers), 401, "invalid_token")
    assert (await client.get("/users/me", headers=zoe.headers)).status_code == 200
    problem(await client.post("/auth/token", data=sign_in), 400, "invalid_grant")
    answer = await client.post("/auth/token", data=sign_in | {"password": NEW})
    assert answer.status_code == 200


async def test_a_password_set_by_an_admin_ends_all_sessions(
    client: httpx2.AsyncClient, zoe: Person, admin: Person
) -> None:
    url = f"/users/{zoe.user.id}"
    change = {"password": NEW, "email": "z@example.com", "is_superuser": True}
    answer = await client.patch(url, json=change, headers=admin.headers)
    assert (answer.status_code, answer.json()["is_superuser"]) == (200, True)
    problem(await client.get("/users/me", headers=zoe.headers), 401, "invalid_token")


@pytest.mark.parametrize("change", [{"is_superuser": False}, {"is_active": False}, None])
async def test_the_last_admin_cannot_be_removed(
    client: httpx2.AsyncClient, admin: Person, change: dict[str, bool] | None
) -> None:
    for path in (f"/users/{admin.user.id}", "/users/me"):
        if change is None:
            answer = await client.delete(path, headers=admin.headers)
            problem(answer, 409, "last_admin")
    if change is not None:
        url = f"/users/{admin.user.id}"
        problem(await client.patch(url, json=change, headers=admin.headers), 409, "last_admin")
    assert (await client.get("/users", headers=admin.headers)).status_code == 200


@pytest.mark.parametrize("own", [True, False])
async def test_check_27_a_deleted_account_loses_access_at_once(
    client: httpx2.AsyncClient, zoe: Person, admin: Person, own: bool
) -> None:
    url = f"/users/{zoe.user.id}"
    answer = await client.delete(
        "/users/me" if own else url, headers=(zoe if own else admin).headers
    )
    assert (answer.status_code, answer.content) == (204, b"")
    problem(await client.get("/users/me", headers=zoe.headers), 401, "invalid_token")
    for method in ("GET", "DELETE"):
        answer = await client.request(method, url, headers=admin.headers)
        problem(answer, 404, "user_not_found")
    sign_in = {"username": "zoe", "password": PASSWORD}
    problem(await client.post("/auth/token", data=sign_in), 400, "invalid_grant")
    assert (await client.post("/users", json=VALID | {"username": "zoe"})).status_code == 201


async def test_an_admin_lists_and_searches_accounts(
    client: httpx2.AsyncClient, zoe: Person, admin: Person
) -> None:
    accounts = (await client.get("/users", headers=admin.headers)).json()
    assert {user["username"] for user in accounts["items"]} == {"zoe", "ada"}
    assert all(user.keys() == REPLY for user in accounts["items"])
    for search, names in {"zo qui": ["zoe"], "oe": [], "exam zoe": ["zoe"], "!": []}.items():
        answer = await client.get("/users", params={"q": search}, headers=admin.headers)
        assert [user["username"] for user in answer.json()["items"]] == names


async def test_changing_a_missing_account_is_404(client: httpx2.AsyncClient, admin: Person) -> None:
    url = f"/users/{uuid4()}"
    for method, body in (("PATCH", {"full_name": "Z"}), ("PUT", {"email": "z@example.com"})):
        answer = await client.request(method, url, json=body, headers=admin.headers)
        problem(answer, 404, "user_not_found")
