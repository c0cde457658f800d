"""Sign-in, refresh, sign-out and sessions over HTTP."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import httpx2
import pytest

from tests.conftest import PASSWORD, Person, SignUp
from tests.fakes.passwords import FakePasswordHasher
from tests.fakes.store import FakeClock, FakeStore
from tests.http.refusals import pointers, problem

SIGN_IN = {"username": "zoe", "password": PASSWORD}
ROUTES = ["/auth/token", "/auth/login"]


@pytest.fixture
async def zoe(sign_up: SignUp) -> Person:
    return await sign_up("zoe")


def assert_invalid_grant(answer: httpx2.Response) -> dict[str, object]:
    """Check the problem and return it without its request id."""
    document = problem(answer, 400, "invalid_grant")
    assert document["error"] == "invalid_grant"
    assert document["error_description"] == document["detail"]
    assert answer.headers["cache-control"] == "no-store"
    return {name: value for name, value in document.items() if name != "request_id"}


async def is_signed_in(client: httpx2.AsyncClient, access: str) -> bool:
    answer = await client.get("/users/me", headers={"Authorization": f"Bearer {access}"})
    assert answer.status_code in {200, 401}
    return answer.status_code == 200


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("kind", ["data", "json"])
@pytest.mark.parametrize("login", ["zoe", "ZOE@example.com"])
async def test_a_form_and_json_sign_in(
    client: httpx2.AsyncClient, zoe: Person, route: str, kind: str, login: str
) -> None:
    body = {**SIGN_IN, "username": login, "grant_type": "password", "scope": "a b"}
    answer = await client.post(route, **{kind: body})  # type: ignore[arg-type]  # the test says how
    assert answer.status_code == 200
    tokens = answer.json()
    assert (tokens["token_type"], tokens["expires_in"]) == ("bearer", 1800)
    assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")
    assert await is_signed_in(client, tokens["access_token"])


async def test_check_29_a_sign_in_sets_no_cookie_and_none_signs_in(
    client: httpx2.AsyncClient, zoe: Person
) -> None:
    answer = await client.post("/auth/token", data=SIGN_IN)
    assert "set-cookie" not in answer.headers
    token = answer.json()["access_token"]
    for name in ("access_token", "session", "Authorization"):
        sent = await client.get("/users/me", headers={"Cookie": f"{name}={token}"})
        problem(sent, 401, "not_authenticated")


async def test_check_32_a_token_in_the_url_is_no_credential(
    client: httpx2.AsyncClient, zoe: Person
) -> None:
    token = zoe.headers["Authorization"].partition(" ")[2]
    answer = await client.get("/users/me", params={"access_token": token})
    assert answer.status_code == 401
    assert token not in answer.text


async def test_a_form_may_have_unknown_members(client: httpx2.AsyncClient, zoe: Person) -> None:
    extra = {"client_id": "app", "client_secret": "x", "resource": "y", "grant_type": ""}
    assert (await client.post("/auth/token", data=SIGN_IN | extra)).status_code == 200
    refresh = {"refresh_token": zoe.refresh_token, "audience": "z", "grant_type": "refresh_token"}
    assert (await client.post("/auth/refresh", data=refresh)).status_code == 200


@pytest.mark.parametrize("route", [*ROUTES, "/auth/refresh"])
async def test_json_may_not_have_unknown_members(client: httpx2.AsyncClient, route: str) -> None:
    body = {**SIGN_IN, "refresh_token": "x", "resource": "y"}
    answer = await client.post(route, json=body)
    assert "#/resource" in pointers(answer)
    assert answer.json()["error"] == "invalid_request"


@pytest.mark.parametrize("grant_type", ["refresh_token", "authorization_code", "Password", "x"])
async def test_another_grant_type_is_refused(
    client: httpx2.AsyncClient, zoe: Person, grant_type: str
) -> None:
    for kind in ("data", "json"):
        body = {**SIGN_IN, "grant_type": grant_type}
        answer = await client.post("/auth/token", **{kind: body})  # type: ignore[arg-type]  # the test says how
        document = problem(answer, 400, "unsupported_grant_type")
        assert document["error"] == "unsupported_grant_type"
        assert document["detail"] == "The grant type must be `password` or `client_credentials`."
    body = {"refresh_token": zoe.refresh_token, "grant_type": "password"}
    problem(await client.post("/auth/refresh", json=body), 400, "unsupported_grant_type")


async def test_another_grant_is_refused_by_its_type_not_by_what_it_lacks(
    client: httpx2.AsyncClient,
) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": "x"}
    problem(await client.post("/auth/token", data=form), 400, "unsupported_grant_type")


async def test_check_8_every_refused_sign_in_gets_the_same_reply_after_one_hash_check(
    client: httpx2.AsyncClient, sign_up: SignUp, store: FakeStore, passwords: FakePasswordHasher
) -> None:
    await sign_up("zoe")
    disabled = await sign_up("max")
    store.users[disabled.user.id] = replace(disabled.user, is_active=False)
    answers = []
    for login, password in [("zoe", "wrong"), ("unknown", PASSWORD), ("max", PASSWORD)]:
        checks = passwords.checks
        answer = await client.post("/auth/token", data={"username": login, "password": password})
        varying = {"x-request-id"}
        headers = {k: v for k, v in answer.headers.items() if k not in varying}
        answers.append((assert_invalid_grant(answer), headers))
        assert passwords.checks == checks + 1
    assert answers[0] == answers[1] == answers[2]


@pytest.mark.parametrize("password", ["🐴🔋📎🎂🎈🎁🎉🎊", "  spaced out  ", "a\tb\nc d e f"])
async def test_check_2_a_password_is_compared_exactly(
    client: httpx2.AsyncClient, password: str
) -> None:
    registration = {"email": "max@example.com", "password": password}
    assert (await client.post("/users", json=registration)).status_code == 201
    for kind in ("data", "json"):
        body = {"username": "max@example.com", "password": password}
        answer = await client.post("/auth/token", **{kind: body})  # type: ignore[arg-type]  # the test says how
        assert answer.status_code == 200
        for wrong in (password[:-1], password.strip() + "x", password + " "):
            answer = await client.post("/auth/token", **{kind: body | {"password": wrong}})  # type: ignore[arg-type]  # the test says how
            assert_invalid_grant(answer)


async def test_check_26_refreshing_rotates_and_reuse_ends_the_family(
    client: httpx2.AsyncClient, zoe: Person, clock: FakeClock
) -> None:
    first = {"refresh_token": zoe.refresh_token}
    second = (await client.post("/auth/refresh", json=first)).json()
    again = (await client.post("/auth/refresh", data=first)).json()
    assert again["refresh_token"] == second["refresh_token"] != zoe.refresh_token
    clock.tick(seconds=11)
    assert_invalid_grant(await client.post("/auth/refresh", json=first))
    assert not await is_signed_in(client, second["access_token"])
    last = {"refresh_token": second["refresh_token"]}
    assert_invalid_grant(await client.post("/auth/refresh", json=last))


async def test_a_malformed_refresh_token_is_refused_and_changes_nothing(
    client: httpx2.AsyncClient, zoe: Person
) -> None:
    for token in ("x", zoe.refresh_token[:-4] + "AAAA", zoe.headers["Authorization"][7:]):
        assert_invalid_grant(await client.post("/auth/refresh", json={"refresh_token": token}))
    assert (await client.get("/users/me", headers=zoe.headers)).status_code == 200


async def test_a_refresh_token_is_refused_as_an_access_token(
    client: httpx2.AsyncClient, zoe: Person
) -> None:
    assert not await is_signed_in(client, zoe.refresh_token)


@pytest.mark.parametrize("options", [{}, {"json": {}}, {"content": b""}])
async def test_check_27_signing_out_takes_effect_at_once(
    client: httpx2.AsyncClient, zoe: Person, options: dict[str, object]
) -> None:
    answer = await client.post("/auth/logout", headers=zoe.headers, **options)  # type: ignore[arg-type]  # the test says how
    assert (answer.status_code, answer.content) == (204, b"")
    problem(await client.get("/users/me", headers=zoe.headers), 401, "invalid_token")
    problem(await client.post("/auth/logout", headers=zoe.headers), 401, "invalid_token")
    assert_invalid_grant(
        await client.post("/auth/refresh", json={"refresh_token": zoe.refresh_token})
    )


async def test_check_28_sessions_are_listed_with_their_client_and_without_tokens(
    client: httpx2.AsyncClient, zoe: Person, clock: FakeClock, sign_up: SignUp
) -> None:
    await sign_up("max")
    clock.tick(minutes=5)
    agent = {"User-Agent": "phone " + "x" * 500}
    await client.post("/auth/token", data=SIGN_IN, headers=agent)
    answer = await client.get("/auth/sessions", headers=zoe.headers)
    new, old = answer.json()["items"]
    assert (new["current"], old["current"]) == (False, True)
    assert new["created_at"] == new["last_used_at"] == "2026-11-20T09:05:00Z"
    assert (new["ip"], new["user_agent"]) == ("127.0.0.1", agent["User-Agent"][:400])
    assert UUID(old["id"]) == zoe.principal.session
    assert new.keys() == {
        "id", "created_at", "last_used_at", "expires_at", "ip", "place", "user_agent", "device",
        "current",
    }  # fmt: skip
    assert new["place"] is None  # without a database


async def test_check_28_a_session_shows_its_device_and_last_use(
    client: httpx2.AsyncClient, zoe: Person, store: FakeStore
) -> None:
    agent = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/1 Firefox/145.0"}
    await client.post("/auth/token", data=SIGN_IN, headers=agent)
    seen, own = zoe.principal.session, store.sessions[zoe.principal.session]
    store.sessions[seen] = replace(own, seen_at=own.created_at + timedelta(hours=1))
    new, old = (await client.get("/auth/sessions", headers=zoe.headers)).json()["items"]
    assert (new["device"], old["device"]) == ("Firefox on Linux", None)
    assert old["last_used_at"] == "2026-11-20T10:00:00Z"


@pytest.mark.parametrize(("query", "stays"), [("", False), ("?keep_current=true", True)])
async def test_check_27_signing_out_everywhere_takes_effect_at_once(
    client: httpx2.AsyncClient, zoe: Person, sign_up: SignUp, query: str, stays: bool
) -> None:
    max_ = await sign_up("max")
    other = (await client.post("/auth/token", data=SIGN_IN)).json()["access_token"]
    answer = await client.delete(f"/auth/sessions{query}", headers=zoe.headers)
    assert (answer.status_code, answer.content) == (204, b"")
    assert not await is_signed_in(client, other)
    own = await client.get("/users/me", headers=zoe.headers)
    foreign = await client.get("/users/me", headers=max_.headers)
    assert (own.status_code == 200, foreign.status_code) == (stays, 200)


async def test_a_user_ends_another_session_of_their_own(
    client: httpx2.AsyncClient, zoe: Person
) -> None:
    other = (await client.post("/auth/token", data=SIGN_IN)).json()["access_token"]
    sessions = (await client.get("/auth/sessions", headers=zoe.headers)).json()["items"]
    (target,) = [session["id"] for session in sessions if not session["current"]]
    answer = await client.delete(f"/auth/sessions/{target}", headers=zoe.headers)
    assert (answer.status_code, await is_signed_in(client, other)) == (204, False)
    for missing in (target, uuid4()):
        answer = await client.delete(f"/auth/sessions/{missing}", headers=zoe.headers)
        problem(answer, 404, "session_not_found")


async def test_check_27_a_lost_role_and_a_disabled_account_take_effect_at_once(
    client: httpx2.AsyncClient, sign_up: SignUp
) -> None:
    root, admin = await sign_up("root", is_superuser=True), await sign_up("ada", is_superuser=True)
    url = f"/users/{admin.user.id}"
    assert (await client.get("/users", headers=admin.headers)).status_code == 200
    await client.patch(url, json={"is_superuser": False}, headers=root.headers)
    problem(await client.get("/users", headers=admin.headers), 403, "not_allowed")
    await client.patch(url, json={"is_active": False}, headers=root.headers)
    problem(await client.get("/users/me", headers=admin.headers), 401, "invalid_token")
    await client.patch(url, json={"is_active": True}, headers=root.headers)
    problem(await client.get("/users/me", headers=admin.headers), 401, "invalid_token")
