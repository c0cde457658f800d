"""Back-channel logout: a provider ends the sessions of a person who has signed out there."""

from time import time

import httpx2
import pytest

from jubilee.domain.identities.provider import Providers
from tests.fakes.issuer import FakeIssuer
from tests.fakes.store import FakeStore
from tests.http.provider_calls import come_back, exchanged, issuer, providers
from tests.http.refusals import problem

__all__ = ["issuer", "providers"]

LOGOUT = "/auth/oidc/here/logout"
EVENTS: dict[str, dict[str, str]] = {"http://schemas.openid.net/event/backchannel-logout": {}}


async def notify(client: httpx2.AsyncClient, token: str) -> httpx2.Response:
    return await client.post(LOGOUT, data={"logout_token": token})


@pytest.fixture
async def signed_in(client: httpx2.AsyncClient, issuer: FakeIssuer) -> dict[str, str]:
    """The headers of a session that an identity has opened."""
    tokens = (await exchanged(client, await come_back(client, issuer))).json()
    issuer.claims = {}
    return {"Authorization": f"Bearer {tokens['access_token']}"}


async def test_a_logout_token_ends_the_sessions_of_its_subject_once(
    client: httpx2.AsyncClient, issuer: FakeIssuer, signed_in: dict[str, str], store: FakeStore
) -> None:
    token = issuer.token(jti="1", events=EVENTS)
    assert (await notify(client, token)).status_code == 204
    problem(await client.get("/users/me", headers=signed_in), 401, "invalid_token")
    assert store.audit[-1].event == "sessions_ended"
    problem(await notify(client, token), 400, "invalid_logout_token")


async def test_an_unknown_subject_is_no_error(
    client: httpx2.AsyncClient, issuer: FakeIssuer, signed_in: dict[str, str]
) -> None:
    token = issuer.token(jti="1", events=EVENTS, sub="ada-1")
    assert (await notify(client, token)).status_code == 204
    assert (await client.get("/users/me", headers=signed_in)).status_code == 200


WRONG: dict[str, dict[str, object]] = {
    "an ID token": {"events": None},
    "another event": {"events": {"http://schemas.openid.net/event/other": {}}},
    "events that are no object": {"events": ["backchannel-logout"]},
    "a nonce": {"nonce": "n"},
    "no id": {"jti": None},
    "no subject": {"sub": None},
    "another audience": {"aud": "another client"},
    "another issuer": {"iss": "https://other.example"},
    "old": {"iat": int(time()) - 3600},
    "old, as text": {"iat": str(int(time()) - 3600)},
    "a time before all years": {"iat": -(10**20)},
    "expired": {"exp": int(time()) - 3600},
}


@pytest.mark.parametrize("claims", WRONG.values(), ids=WRONG.keys())
async def test_a_wrong_logout_token_ends_nothing(
    client: httpx2.AsyncClient,
    issuer: FakeIssuer,
    signed_in: dict[str, str],
    claims: dict[str, object],
    providers: Providers,
) -> None:
    assert "here" in providers
    token = issuer.token(**{"jti": "1", "events": EVENTS, **claims})
    problem(await notify(client, token), 400, "invalid_logout_token")
    assert (await client.get("/users/me", headers=signed_in)).status_code == 200


async def test_an_unknown_provider_is_404(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/auth/oidc/there/logout", data={"logout_token": "x"})
    problem(answer, 404, "provider_not_found")
