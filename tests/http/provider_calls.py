"""The sign-in by another provider over HTTP, for the tests: the way of the browser."""

from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from pydantic import SecretStr

from jubilee.bootstrap.identities import make_provider
from jubilee.domain.identities.provider import Providers
from jubilee.settings.identity_providers import ProviderSettings
from tests.conftest import RETURN, Person
from tests.fakes.issuer import CLIENT_ID, ISSUER, FakeIssuer

START, CALLBACK = "/auth/oidc/here/start", "/auth/oidc/here/callback"
EXCHANGE = "/auth/oidc/exchange"
VERIFIER = "v" * 43
VERIFIED = {"email": "zoe@example.com", "email_verified": True, "name": "Zoe Quill"}


@pytest.fixture
def issuer() -> FakeIssuer:
    return FakeIssuer()


@pytest.fixture
def providers(issuer: FakeIssuer) -> Providers:
    secret = SecretStr("s3cret")
    chosen = ProviderSettings(name="here", issuer=ISSUER, client_id=CLIENT_ID, client_secret=secret)
    return {"here": make_provider(chosen, issuer)}


async def begin(client: httpx2.AsyncClient, **query: str) -> str:
    """Begin a sign-in; return the address at the provider."""
    answer = await client.get(START, params=query)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


async def come_back(
    client: httpx2.AsyncClient, issuer: FakeIssuer, *, challenge: str = "", **claims: object
) -> str:
    """Sign in at the provider and come back; return the code."""
    query = {"code_challenge": challenge} if challenge else {}
    back = issuer.sign_in(await begin(client, **query), **{**VERIFIED, **claims})
    answer = await client.get(CALLBACK, params=back)
    assert answer.status_code == 303, answer.text
    return code_of(answer)


def code_of(answer: httpx2.Response) -> str:
    url = urlsplit(answer.headers["location"])
    assert f"{url.scheme}://{url.netloc}{url.path}" == RETURN
    (code,) = parse_qs(url.query)["code"]
    return code


async def exchanged(client: httpx2.AsyncClient, code: str, **more: str) -> httpx2.Response:
    return await client.post(EXCHANGE, json={"code": code, **more})


async def link(
    client: httpx2.AsyncClient, person: Person, code: str, verifier: str = VERIFIER
) -> httpx2.Response:
    form = {"code": code, "code_verifier": verifier}
    return await client.post("/auth/identities", json=form, headers=person.headers)
