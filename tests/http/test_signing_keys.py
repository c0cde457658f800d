"""The published keys, the issuer's metadata, and tokens of keys of other instances."""

import json

import httpx2
import jwt
import pytest

from jubilee.adapters.tokens.key_vault import AesKeyVault
from jubilee.domain.auth.tokens import TokenClaims
from jubilee.domain.identity import OPERATOR
from jubilee.domain.services import Services
from jubilee.domain.signing_keys.key import KeyAlgorithm
from jubilee.entrypoints.http.framework.context import PublicInfo
from tests.conftest import Person, SignUp
from tests.fakes.store import FakeStore
from tests.http.refusals import problem
from tests.http.test_well_known import serving

JWKS = "/.well-known/jwks.json"
METADATA = ("/.well-known/oauth-authorization-server", "/.well-known/openid-configuration")


@pytest.fixture
async def zoe(services: Services, sign_up: SignUp) -> Person:
    """An account whose token is signed by a published key."""
    await services.signing_keys.load()
    return await sign_up("zoe")


async def test_the_published_key_verifies_a_token(client: httpx2.AsyncClient, zoe: Person) -> None:
    answer = await client.get(JWKS)
    assert answer.headers["cache-control"] == "public, max-age=300"
    (key,) = answer.json()["keys"]
    assert key.keys() == {"kty", "crv", "x", "kid", "alg", "use"}
    token = zoe.headers["Authorization"].removeprefix("Bearer ")
    decoded = jwt.decode(
        token,
        jwt.PyJWK(key),
        ["EdDSA"],
        {"verify_exp": False, "verify_iat": False},
        audience="jubilee",
    )
    assert decoded["sub"] == str(zoe.user.id)
    unchanged = await client.get(JWKS, headers={"If-None-Match": answer.headers["etag"]})
    assert unchanged.status_code == 304


async def test_without_keys_the_set_is_empty(client: httpx2.AsyncClient) -> None:
    assert (await client.get(JWKS)).json() == {"keys": []}


@pytest.mark.parametrize("path", METADATA)
async def test_metadata_names_issuer_and_keys(services: Services, path: str) -> None:
    public = PublicInfo("https://api.example", issuer="https://api.example")
    async with serving(services, public) as client:
        found = (await client.get(path)).json()
    assert found == {
        "issuer": "https://api.example",
        "jwks_uri": "https://api.example/.well-known/jwks.json",
        "token_endpoint": "https://api.example/auth/token",
        "grant_types_supported": ["password", "client_credentials"],
        "response_types_supported": [],
        "token_endpoint_auth_methods_supported": [
            "none",
            "client_secret_basic",
            "client_secret_post",
        ],
    }


@pytest.mark.parametrize("path", METADATA)
async def test_without_a_public_url_there_is_no_metadata(
    client: httpx2.AsyncClient, path: str
) -> None:
    problem(await client.get(path), 404, "path_not_found")


async def test_check_25_a_token_of_another_instances_new_key_is_accepted_without_a_restart(
    client: httpx2.AsyncClient, services: Services, store: FakeStore, zoe: Person
) -> None:
    before, ring = services.signing_keys.published, services.auth.signer
    assert zoe.principal.session_id is not None
    await services.signing_keys.rotate(by=OPERATOR, at_once=True)
    await services.signing_keys.load()
    fresh = ring.sign(TokenClaims(zoe.user.id, zoe.principal.session_id), now=store.clock())
    first = json.loads(before[0])["kid"]
    services.signing_keys.ring.install([store.signing_keys[first]])  # what it knew before
    for headers in (zoe.headers, {"Authorization": f"Bearer {fresh}"}):
        assert (await client.get("/users/me", headers=headers)).status_code == 200
    assert len((await client.get(JWKS)).json()["keys"]) == 2


@pytest.mark.parametrize("key_id", [None, "../../../dev/null", "' OR 1=1; --", "x" * 43])
async def test_check_23_a_token_of_a_strangers_key_is_401(
    client: httpx2.AsyncClient, zoe: Person, key_id: str | None
) -> None:
    vault = AesKeyVault(b"x" * 32)
    material = vault.generate(KeyAlgorithm.EDDSA)
    private = vault.open(material)
    assert private is not None
    token = zoe.headers["Authorization"].removeprefix("Bearer ")
    claims = jwt.decode(token, options={"verify_signature": False})
    headers = {"typ": "at+jwt", "kid": key_id or material.id, "jwk": json.loads(material.public)}
    forged = jwt.encode(claims, private, "EdDSA", headers=headers)
    answer = await client.get("/users/me", headers={"Authorization": f"Bearer {forged}"})
    problem(answer, 401, "invalid_token")
