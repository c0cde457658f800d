"""Wrong passwords over HTTP: the same answers for all names, and an admin's way to unlock."""

from typing import Any

import httpx2
import pytest

from jubilee.domain.attempts.attempt import DEFAULT_LIMITS
from tests.conftest import PASSWORD, Person, SignUp
from tests.fakes.attempts import FakeAttemptObserver
from tests.http.refusals import problem

LIMIT = DEFAULT_LIMITS.account


@pytest.fixture
async def zoe(sign_up: SignUp) -> Person:
    return await sign_up("zoe")


async def sign_in(client: httpx2.AsyncClient, login: str, password: str) -> httpx2.Response:
    return await client.post("/auth/token", data={"username": login, "password": password})


async def lock(client: httpx2.AsyncClient, login: str) -> None:
    answers = [await sign_in(client, login, "wrong") for _ in range(LIMIT)]
    assert {answer.status_code for answer in answers} == {400}


def without_ids(answer: httpx2.Response) -> tuple[int, Any, dict[str, str]]:
    """Status, body and headers, but for the id of the request."""
    document = answer.json()
    assert document.pop("request_id") == answer.headers["x-request-id"]
    headers = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
    return answer.status_code, document, headers


async def test_check_8_an_unknown_name_is_answered_as_a_wrong_password_is_until_the_lock_and_after(
    client: httpx2.AsyncClient, zoe: Person
) -> None:
    found = []
    for _ in range(LIMIT + 2):
        known, unknown = [await sign_in(client, login, "wrong") for login in ("zoe", "unknown")]
        assert without_ids(known) == without_ids(unknown)
        found.append(known.status_code)
    assert found == [400] * LIMIT + [429] * 2


async def test_check_10_a_locked_account_is_refused_with_the_seconds_to_wait(
    client: httpx2.AsyncClient, zoe: Person
) -> None:
    await lock(client, "zoe")
    answer = await sign_in(client, "zoe", PASSWORD)
    document = problem(answer, 429, "too_many_attempts")
    assert int(answer.headers["retry-after"]) == DEFAULT_LIMITS.window_s
    assert document["error"] == "invalid_request"


async def test_check_11_a_locked_account_keeps_its_sessions(
    client: httpx2.AsyncClient, zoe: Person
) -> None:
    await lock(client, "zoe")
    assert (await client.get("/users/me", headers=zoe.headers)).status_code == 200
    refresh = {"refresh_token": zoe.refresh_token}
    assert (await client.post("/auth/refresh", json=refresh)).status_code == 200


async def test_an_admin_unlocks_an_account(
    client: httpx2.AsyncClient, zoe: Person, sign_up: SignUp, attempt_observer: FakeAttemptObserver
) -> None:
    ada = await sign_up("ada", is_superuser=True)
    await lock(client, "zoe")
    path = f"/users/{zoe.user.id}/unlock"
    problem(await client.post(path, headers=zoe.headers), 403, "not_allowed")
    for _ in range(2):
        assert (await client.post(path, headers=ada.headers)).status_code == 204
    assert len(attempt_observer.unlocked) == 1
    assert (await sign_in(client, "zoe", PASSWORD)).status_code == 200
    missing = f"/users/{zoe.principal.session_id}/unlock"
    problem(await client.post(missing, headers=ada.headers), 404, "user_not_found")


async def test_guesses_at_the_current_password_are_refused_in_that_session_alone(
    client: httpx2.AsyncClient, zoe: Person
) -> None:
    change = {"current_password": "wrong", "email": "max@example.com"}
    for _ in range(LIMIT):
        answer = await client.patch("/users/me", json=change, headers=zoe.headers)
        problem(answer, 403, "wrong_current_password")
    right = change | {"current_password": PASSWORD}
    answer = await client.patch("/users/me", json=right, headers=zoe.headers)
    problem(answer, 429, "too_many_attempts")
    tokens = (await sign_in(client, "zoe", PASSWORD)).json()
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert (await client.patch("/users/me", json=right, headers=headers)).status_code == 200
