"""Recent proofs of identity: what needs one, and how it is given."""

import httpx2
import pytest

from jubilee.domain.attempts.attempt import DEFAULT_LIMITS
from jubilee.entrypoints.http.framework.endpoint import Access
from jubilee.entrypoints.http.registry import ENDPOINTS
from tests.conftest import PASSWORD, Person, SignUp
from tests.fakes.store import FakeClock, FakeStore
from tests.http.refusals import problem

PROOF = "/auth/reauthenticate"
DELETIONS = {"deleteMe", "deleteUser"}


@pytest.fixture
async def zoe(sign_up: SignUp, clock: FakeClock) -> Person:
    """An account whose sign-in is a quarter of an hour old."""
    person = await sign_up("zoe")
    clock.tick(minutes=15)
    return person


def test_deleting_an_account_needs_a_recent_proof() -> None:
    guarded = {endpoint.name for endpoint in ENDPOINTS if endpoint.recent_proof}
    assert guarded >= DELETIONS


def test_what_needs_a_recent_proof_needs_a_sign_in() -> None:
    found = [endpoint for endpoint in ENDPOINTS if endpoint.recent_proof]
    assert {endpoint.access for endpoint in found} <= {Access.SIGNED_IN, Access.ROLE, Access.ADMIN}


async def test_an_old_sign_in_is_no_recent_proof(
    client: httpx2.AsyncClient, zoe: Person, store: FakeStore
) -> None:
    for path in ("/users/me", f"/users/{zoe.user.id}"):
        answer = await client.delete(path, headers=zoe.headers)
        problem(answer, 403, "reauthentication_required")
    assert zoe.user.id in store.users


async def test_a_sign_in_is_a_recent_proof_until_the_window_ends(
    client: httpx2.AsyncClient, sign_up: SignUp, clock: FakeClock
) -> None:
    max_ = await sign_up("max")
    clock.tick(minutes=14, seconds=59)
    assert (await client.delete("/users/me", headers=max_.headers)).status_code == 204


async def test_the_password_is_a_recent_proof_for_its_session_alone(
    client: httpx2.AsyncClient, sign_up: SignUp, clock: FakeClock
) -> None:
    zoe, form = await sign_up("zoe"), {"username": "zoe", "password": PASSWORD}
    other = (await client.post("/auth/login", json=form)).json()["access_token"]
    clock.tick(minutes=15)
    answer = await client.post(PROOF, json={"password": PASSWORD}, headers=zoe.headers)
    assert (answer.status_code, answer.content) == (204, b"")
    refused = await client.delete("/users/me", headers={"Authorization": f"Bearer {other}"})
    problem(refused, 403, "reauthentication_required")
    assert (await client.delete("/users/me", headers=zoe.headers)).status_code == 204


async def test_a_refresh_is_no_proof(client: httpx2.AsyncClient, zoe: Person) -> None:
    form = {"refresh_token": zoe.refresh_token}
    tokens = (await client.post("/auth/refresh", json=form)).json()
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    problem(await client.delete("/users/me", headers=headers), 403, "reauthentication_required")


async def test_a_wrong_password_proves_nothing_and_is_audited(
    client: httpx2.AsyncClient, zoe: Person, store: FakeStore
) -> None:
    answer = await client.post(PROOF, json={"password": "wrong"}, headers=zoe.headers)
    problem(answer, 403, "reauthentication_required")
    answer = await client.delete("/users/me", headers=zoe.headers)
    problem(answer, 403, "reauthentication_required")
    assert store.audit[-1].event == "reauthentication_failed"


async def test_wrong_passwords_of_a_session_are_limited(
    client: httpx2.AsyncClient, zoe: Person
) -> None:
    for _ in range(DEFAULT_LIMITS.account):
        answer = await client.post(PROOF, json={"password": "wrong"}, headers=zoe.headers)
        assert answer.status_code == 403
    answer = await client.post(PROOF, json={"password": PASSWORD}, headers=zoe.headers)
    problem(answer, 429, "too_many_attempts")


async def test_a_proof_is_audited_with_its_session(
    client: httpx2.AsyncClient, zoe: Person, store: FakeStore
) -> None:
    await client.post(PROOF, json={"password": PASSWORD}, headers=zoe.headers)
    entry = store.audit[-1]
    assert (entry.event, entry.actor_id) == ("reauthenticated", zoe.user.id)
    assert entry.details == {"session_id": str(zoe.principal.session_id)}
