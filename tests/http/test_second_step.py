"""The second step of a sign-in, and its token."""

import asyncio
import re
from dataclasses import replace

import httpx2
import pytest

from jubilee.domain.auth.pending import MAX_PENDING_PER_USER
from jubilee.entrypoints.http.framework.endpoint import Access, AnyEndpoint
from jubilee.entrypoints.http.registry import ENDPOINTS
from tests.conftest import PASSWORD, Person, SignUp
from tests.fakes.authenticator_app import Authenticator
from tests.fakes.store import FakeClock, FakeStore
from tests.http.factor_calls import add_app, first_step, second_step
from tests.http.refusals import problem


@pytest.fixture
async def zoe(sign_up: SignUp) -> Person:
    return await sign_up("zoe")


@pytest.fixture
async def app_of_zoe(client: httpx2.AsyncClient, zoe: Person, clock: FakeClock) -> Authenticator:
    app = await add_app(client, zoe, clock)
    clock.tick(minutes=1)
    return app


async def test_a_sign_in_with_a_factor_names_it_and_opens_no_session(
    client: httpx2.AsyncClient, app_of_zoe: Authenticator, store: FakeStore
) -> None:
    sessions = dict(store.sessions)
    asked = await first_step(client)
    assert asked["factors"] == ["recovery_code", "totp"]
    assert len(asked["mfa_token"]) >= 43
    assert "access_token" not in asked
    assert store.sessions == sessions


async def test_the_token_route_asks_with_the_members_of_rfc_6749(
    client: httpx2.AsyncClient, app_of_zoe: Authenticator
) -> None:
    form = {"username": "zoe", "password": PASSWORD}
    document = problem(await client.post("/auth/token", data=form), 403, "mfa_required")
    assert document["error"] == "mfa_required"


async def test_a_wrong_password_is_refused_as_without_a_factor(
    client: httpx2.AsyncClient, app_of_zoe: Authenticator
) -> None:
    form = {"username": "zoe", "password": "wrong"}
    problem(await client.post("/auth/login", json=form), 400, "invalid_grant")


async def test_the_second_step_opens_a_session(
    client: httpx2.AsyncClient, app_of_zoe: Authenticator
) -> None:
    token = (await first_step(client))["mfa_token"]
    answer = await second_step(client, token, code=app_of_zoe.code())
    assert answer.headers["cache-control"] == "no-store"
    headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    assert (await client.get("/users/me", headers=headers)).status_code == 200


async def test_a_used_recovery_code_is_recorded(
    client: httpx2.AsyncClient, app_of_zoe: Authenticator, store: FakeStore
) -> None:
    token = (await first_step(client))["mfa_token"]
    answer = await second_step(client, token, recovery_code=app_of_zoe.recovery_codes[0])
    assert answer.status_code == 200
    assert [entry.event for entry in store.audit[-2:]] == ["recovery_code_used", "sign_in"]


async def test_a_token_is_used_once(client: httpx2.AsyncClient, app_of_zoe: Authenticator) -> None:
    token = (await first_step(client))["mfa_token"]
    assert (await second_step(client, token, code=app_of_zoe.code())).status_code == 200
    answer = await second_step(client, token, recovery_code=app_of_zoe.recovery_codes[0])
    problem(answer, 400, "invalid_mfa_token")


async def test_ten_parallel_second_steps_open_one_session(
    client: httpx2.AsyncClient, app_of_zoe: Authenticator, store: FakeStore
) -> None:
    token, before = (await first_step(client))["mfa_token"], len(store.sessions)
    codes = app_of_zoe.recovery_codes
    tries = [second_step(client, token, recovery_code=code) for code in codes[:5]]
    tries += [second_step(client, token, code=app_of_zoe.code()) for _ in range(5)]
    answers = await asyncio.gather(*tries)
    assert [answer.status_code for answer in answers].count(200) == 1
    assert len(store.sessions) == before + 1
    assert len(store.factors.codes) >= 9


async def test_a_token_ends_after_five_minutes(
    client: httpx2.AsyncClient, app_of_zoe: Authenticator, clock: FakeClock
) -> None:
    token = (await first_step(client))["mfa_token"]
    clock.tick(minutes=5)
    answer = await second_step(client, token, code=app_of_zoe.code())
    problem(answer, 400, "invalid_mfa_token")


async def test_a_token_has_five_tries(
    client: httpx2.AsyncClient, app_of_zoe: Authenticator, clock: FakeClock, store: FakeStore
) -> None:
    token = (await first_step(client))["mfa_token"]
    for _ in range(5):
        problem(await second_step(client, token, code="000000"), 403, "wrong_code")
    answer = await second_step(client, token, code=app_of_zoe.code())
    problem(answer, 400, "invalid_mfa_token")
    assert store.audit[-1].details["reason"] == "wrong_code"


async def test_a_token_opens_the_account_of_its_sign_in_alone(
    client: httpx2.AsyncClient, app_of_zoe: Authenticator, sign_up: SignUp, clock: FakeClock
) -> None:
    app_of_max = await add_app(client, await sign_up("max"), clock)
    clock.tick(seconds=30)
    token = (await first_step(client, "zoe"))["mfa_token"]
    for factor in (
        {"code": app_of_max.code()},
        {"recovery_code": app_of_max.recovery_codes[0]},
    ):
        problem(await second_step(client, token, **factor), 403, "wrong_code")


@pytest.mark.parametrize("change", ["password", "disabled", "deleted"])
async def test_a_token_ends_with_the_password_or_the_account(
    client: httpx2.AsyncClient,
    zoe: Person,
    app_of_zoe: Authenticator,
    store: FakeStore,
    change: str,
) -> None:
    token = (await first_step(client))["mfa_token"]
    if change == "password":
        body = {"password": "an engine of copper", "current_password": PASSWORD}
        await client.patch("/users/me", json=body, headers=zoe.headers)
    elif change == "disabled":
        store.users[zoe.user.id] = replace(zoe.user, is_active=False)
    else:
        await client.delete("/users/me", headers=zoe.headers)
    answer = await second_step(client, token, code=app_of_zoe.code())
    problem(answer, 400, "invalid_mfa_token")


async def test_an_account_has_ten_pending_sign_ins_at_most(
    client: httpx2.AsyncClient, app_of_zoe: Authenticator, store: FakeStore, clock: FakeClock
) -> None:
    for _ in range(MAX_PENDING_PER_USER + 1):
        clock.tick(seconds=1)
        await first_step(client)
    assert len(store.factors.pending) == MAX_PENDING_PER_USER


@pytest.mark.parametrize(
    "endpoint", [e for e in ENDPOINTS if e.access is not Access.ANYONE], ids=lambda e: e.name
)
async def test_check_20_a_half_signed_in_token_opens_nothing_else(
    client: httpx2.AsyncClient, app_of_zoe: Authenticator, endpoint: AnyEndpoint
) -> None:
    token = (await first_step(client))["mfa_token"]
    path = re.sub(r"{\w*id}", app_of_zoe.id, endpoint.path)
    path = re.sub(r"{\w+}", "zoe", path)
    answer = await client.request(
        endpoint.method, path, headers={"Authorization": f"Bearer {token}"}
    )
    problem(answer, 401, "invalid_token")
