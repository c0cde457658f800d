"""Accounts that must have a second factor: `MFA_REQUIRED=admins`."""

from dataclasses import replace

import httpx2
import pytest

from jubilee.domain.factors.factor import MfaRequirement
from tests.conftest import SignUp
from tests.fakes.store import FakeClock, FakeStore
from tests.http.factor_calls import add_app
from tests.http.refusals import problem


@pytest.fixture
def mfa_requirement() -> MfaRequirement:
    return MfaRequirement.ADMINS


async def test_an_admin_without_a_factor_may_only_add_one(
    client: httpx2.AsyncClient, sign_up: SignUp, clock: FakeClock
) -> None:
    ada = await sign_up("ada", is_superuser=True)
    problem(await client.get("/users", headers=ada.headers), 403, "factor_required")
    problem(await client.get("/users/me", headers=ada.headers), 403, "factor_required")
    await add_app(client, ada, clock)
    assert (await client.get("/users", headers=ada.headers)).status_code == 200


async def test_another_account_is_not_restricted(
    client: httpx2.AsyncClient, sign_up: SignUp
) -> None:
    zoe = await sign_up("zoe")
    assert (await client.get("/users/me", headers=zoe.headers)).status_code == 200


async def test_a_session_without_a_factor_is_restricted_by_a_new_role(
    client: httpx2.AsyncClient, sign_up: SignUp, store: FakeStore
) -> None:
    zoe = await sign_up("zoe")
    store.users[zoe.user.id] = replace(zoe.user, is_superuser=True)
    problem(await client.get("/users/me", headers=zoe.headers), 403, "factor_required")


async def test_the_last_factor_cannot_be_removed(
    client: httpx2.AsyncClient, sign_up: SignUp, clock: FakeClock
) -> None:
    ada = await sign_up("ada", is_superuser=True)
    app = await add_app(client, ada, clock)
    answer = await client.delete(f"/auth/factors/{app.id}", headers=ada.headers)
    problem(answer, 409, "factor_needed")
