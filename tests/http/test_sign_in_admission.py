"""What an account needs to sign in, asked of every way of signing in."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import httpx2
import pytest

from jubilee.domain.auth.sessions import ClientInfo
from jubilee.domain.factors.factor import MfaRequirement
from jubilee.domain.identities.exchange import challenge_of
from jubilee.domain.identity import OPERATOR
from jubilee.domain.services import Services
from jubilee.domain.users.user import EmailPolicy, EmailVerification, Profile
from tests.conftest import PASSWORD, Person
from tests.fakes.authenticator_app import Authenticator
from tests.fakes.issuer import FakeIssuer
from tests.fakes.store import FakeClock, FakeStore
from tests.http.factor_calls import add_app, add_passkey, second_step
from tests.http.provider_calls import VERIFIER, come_back, exchanged, issuer, link, providers
from tests.http.refusals import problem
from tests.support.authenticator import SoftAuthenticator

__all__ = ["issuer", "providers"]

CLIENT = ClientInfo("192.0.2.7", "test")
HIDDEN = EmailPolicy(EmailVerification.REQUIRED, hides_accounts=True)


@dataclass
class World:
    """An account with every way of signing in."""

    client: httpx2.AsyncClient
    person: Person
    device: SoftAuthenticator
    issuer: FakeIssuer
    clock: FakeClock
    app: Authenticator | None = None


Answer = Callable[[], Awaitable[httpx2.Response]]


async def password(world: World) -> Answer:
    form = {"username": "zoe", "password": PASSWORD}
    return lambda: world.client.post("/auth/login", json=form)


async def passkey(world: World) -> Answer:
    asked = await world.client.post("/auth/passkeys/sign-in/options", json={})
    body = {"credential": world.device.get(asked.json()["public_key"])}
    return lambda: world.client.post("/auth/passkeys/sign-in", json=body)


async def provider(world: World) -> Answer:
    code = await come_back(world.client, world.issuer)
    return lambda: exchanged(world.client, code)


async def code(world: World) -> Answer:
    world.app = await add_app(world.client, world.person, world.clock)
    asked = await (await password(world))()
    token: str = asked.json()["mfa_token"]
    return lambda: second_step(world.client, token, recovery_code=codes(world)[0])


def codes(world: World) -> list[str]:
    assert world.app is not None
    return world.app.recovery_codes


WAYS = pytest.mark.parametrize("way", [password, passkey, provider, code])
FIRST_FACTORS = pytest.mark.parametrize("way", [password, provider])
REQUIRED = pytest.mark.parametrize("email_policy", [EmailPolicy(EmailVerification.REQUIRED)])


@pytest.fixture
async def world(
    client: httpx2.AsyncClient, services: Services, issuer: FakeIssuer, clock: FakeClock
) -> World:
    user = await services.users.register(
        Profile(email="zoe@example.com", username="zoe"), PASSWORD, by=OPERATOR
    )
    tokens = await services.auth.sign_in("zoe", PASSWORD, CLIENT)
    principal = await services.auth.authenticate(tokens.access)
    headers = {"Authorization": f"Bearer {tokens.access}"}
    world = World(client, Person(user, principal, headers, ""), SoftAuthenticator(), issuer, clock)
    assert (await add_passkey(client, world.person, world.device)).status_code == 201
    flow = await come_back(client, issuer, challenge=challenge_of(VERIFIER))
    assert (await link(client, world.person, flow)).status_code == 201
    return world


def change(store: FakeStore, **members: Any) -> None:
    (user,) = store.users.values()
    store.users[user.id] = replace(user, **members)


@WAYS
async def test_every_way_opens_a_session(
    world: World, way: Callable[[World], Awaitable[Answer]]
) -> None:
    answer = await (await way(world))()
    assert answer.status_code == 200, answer.text


@WAYS
@pytest.mark.parametrize("state", ["disabled", "locked"])
async def test_no_way_opens_a_session_of_a_disabled_or_locked_account(
    world: World,
    way: Callable[[World], Awaitable[Answer]],
    state: str,
    store: FakeStore,
    clock: FakeClock,
) -> None:
    finish, before = await way(world), dict(store.sessions)
    change(store, **({"is_active": False} if state == "disabled" else {"locked_at": clock()}))
    answer = await finish()
    assert answer.json()["code"] in {"invalid_grant", "invalid_passkey", "invalid_mfa_token"}
    assert store.sessions == before
    assert store.audit[-1].details == {"reason": f"account_{state}"}


@WAYS
@REQUIRED
async def test_no_way_opens_a_session_before_a_required_verification(
    world: World, way: Callable[[World], Awaitable[Answer]], store: FakeStore
) -> None:
    finish, before = await way(world), dict(store.sessions)
    change(store, email_verified_at=None)
    problem(await finish(), 403, "email_not_verified")
    assert store.sessions == before
    assert store.audit[-1].details == {"reason": "email_not_verified"}


@pytest.mark.parametrize("email_policy", [HIDDEN], ids=["hidden"])
async def test_a_hidden_address_that_is_not_verified_is_named_to_owners_of_passkeys_alone(
    world: World, store: FakeStore
) -> None:
    known, guessed = await passkey(world), await password(world)
    change(store, email_verified_at=None)
    problem(await known(), 403, "email_not_verified")
    problem(await guessed(), 400, "invalid_grant")


@FIRST_FACTORS
async def test_every_single_factor_needs_the_second_one_of_the_account(
    world: World, way: Callable[[World], Awaitable[Answer]]
) -> None:
    app = await add_app(world.client, world.person, world.clock)
    asked = problem(await (await way(world))(), 403, "mfa_required")
    answer = await second_step(world.client, asked["mfa_token"], code=app.next_code())
    assert answer.status_code == 200, answer.text


@FIRST_FACTORS
@pytest.mark.parametrize("mfa_requirement", [MfaRequirement.ALL])
async def test_where_a_second_factor_is_required_a_passkey_is_asked_for_as_well(
    world: World, way: Callable[[World], Awaitable[Answer]]
) -> None:
    asked = problem(await (await way(world))(), 403, "mfa_required")
    assert asked["factors"] == ["passkey"]
    assert (await (await passkey(world))()).status_code == 200


async def test_a_sign_in_after_the_end_of_a_lock_removes_it(
    world: World, store: FakeStore, clock: FakeClock
) -> None:
    finish = await passkey(world)
    change(store, locked_at=clock(), locked_until=clock(), lock_reason="spam")
    assert (await finish()).status_code == 200
    (user,) = store.users.values()
    assert (user.locked_at, user.lock_reason) == (None, None)
