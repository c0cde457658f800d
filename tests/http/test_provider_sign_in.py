"""Sign-in by another provider over HTTP: the way of the browser, its refusals, and the exchange."""

from urllib.parse import parse_qs, urlsplit

import httpx2
import jwt
import pytest

from jubilee.domain.identities.exchange import challenge_of
from tests.conftest import RETURN
from tests.fakes.issuer import CLIENT_ID, ISSUER, FakeIssuer
from tests.fakes.store import FakeClock, FakeStore
from tests.http.provider_calls import (
    CALLBACK,
    START,
    VERIFIED,
    VERIFIER,
    begin,
    code_of,
    come_back,
    exchanged,
    issuer,
    providers,
)
from tests.http.refusals import problem

__all__ = ["issuer", "providers"]


async def test_a_person_whom_the_provider_knows_gets_an_account_and_signs_in_again(
    client: httpx2.AsyncClient, issuer: FakeIssuer, store: FakeStore
) -> None:
    first = await exchanged(client, await come_back(client, issuer))
    second = await exchanged(client, await come_back(client, issuer))
    for answer in (first, second):
        headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        me = (await client.get("/users/me", headers=headers)).json()
        assert (me["email"], me["full_name"]) == ("zoe@example.com", "Zoe Quill")
        assert (me["oauth_provider"], me["identities"]) == ("here", ["here"])
    (account,), (identity,) = store.users.values(), store.identities.values()
    assert account.password_hash is None
    assert (identity.user_id, identity.issuer, identity.subject) == (account.id, ISSUER, "zoe-1")


async def test_the_providers_are_listed_with_the_paths_where_a_browser_begins(
    client: httpx2.AsyncClient,
) -> None:
    (listed,) = (await client.get("/auth/providers")).json()["items"]
    assert listed == {"name": "here", "title": "Here", "start_url": f"/api{START}"}


async def test_check_31_s256_is_always_sent_with_fresh_state_and_nonce(
    client: httpx2.AsyncClient,
) -> None:
    asked = [parse_qs(urlsplit(await begin(client)).query) for _ in range(2)]
    for each in asked:
        assert each["code_challenge_method"] == ["S256"]
        assert (each["response_type"], each["client_id"]) == (["code"], [CLIENT_ID])
        assert each["redirect_uri"] == ["http://api.test/auth/oidc/here/callback"]
    for name in ("state", "nonce", "code_challenge"):
        assert len(asked[0][name][0]) == 43
        assert asked[0][name] != asked[1][name]


@pytest.mark.parametrize("state", [None, "", "x" * 43, "own of another browser"])
async def test_check_31_a_missing_or_foreign_state_is_refused(
    client: httpx2.AsyncClient, app: object, issuer: FakeIssuer, store: FakeStore, state: str | None
) -> None:
    transport = httpx2.ASGITransport(app)  # type: ignore[arg-type]  # the app
    async with httpx2.AsyncClient(transport=transport, base_url="http://api.test/api") as other:
        foreign = issuer.sign_in(await begin(other), **VERIFIED)
    back = issuer.sign_in(await begin(client), **VERIFIED)
    given = foreign["state"] if state and " " in state else state
    params = {"code": back["code"], **({} if given is None else {"state": given})}
    problem(await client.get(CALLBACK, params=params), 400, "invalid_callback")
    assert not store.sessions


async def test_check_31_a_repeated_callback_is_refused_before_the_provider_is_asked(
    client: httpx2.AsyncClient, issuer: FakeIssuer
) -> None:
    url = await begin(client)
    back, cookies = issuer.sign_in(url, **VERIFIED), dict(client.cookies)
    assert (await client.get(CALLBACK, params=back)).status_code == 303
    asked = len(issuer.requests)
    client.cookies.update(cookies)
    problem(await client.get(CALLBACK, params=back), 400, "invalid_callback")
    assert len(issuer.requests) == asked


WRONG_TOKENS: dict[str, dict[str, object]] = {
    "issuer": {"iss": "https://other.example"},
    "audience": {"aud": "another client"},
    "several audiences without a party": {"aud": [CLIENT_ID, "another client"]},
    "party": {"azp": "another client"},
    "nonce": {"nonce": "x" * 43},
    "no nonce": {"nonce": None},
    "no subject": {"sub": None},
    "a subject of spaces and letters beyond ASCII": {"sub": "zoë"},
    "expired": {"exp": 1},
    "no expiry": {"exp": None},
    "issued in the future": {"iat": 4_000_000_000},
}


@pytest.mark.parametrize("claims", WRONG_TOKENS.values(), ids=WRONG_TOKENS.keys())
async def test_check_31_an_id_token_of_wrong_claims_is_refused(
    client: httpx2.AsyncClient, issuer: FakeIssuer, store: FakeStore, claims: dict[str, object]
) -> None:
    back = issuer.sign_in(await begin(client), **claims)
    problem(await client.get(CALLBACK, params=back), 400, "invalid_callback")
    assert not store.sessions
    assert not store.users


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
async def test_check_31_an_id_token_that_the_issuer_did_not_sign_is_refused(
    client: httpx2.AsyncClient, issuer: FakeIssuer, algorithm: str
) -> None:
    back = issuer.sign_in(await begin(client), **VERIFIED)
    right, key = FakeIssuer.token, "" if algorithm == "none" else "s3cret" * 8

    class Forger(FakeIssuer):
        def token(self, **claims: object) -> str:
            claims_ = jwt.decode(right(self, **claims), options={"verify_signature": False})
            return jwt.encode(claims_, key, algorithm, headers={"kid": "k1"})

    issuer.__class__ = Forger
    problem(await client.get(CALLBACK, params=back), 400, "invalid_callback")


@pytest.mark.parametrize("iss", ["https://other.example", None])
async def test_check_31_another_issuer_in_the_callback_is_refused(
    client: httpx2.AsyncClient, issuer: FakeIssuer, iss: str | None
) -> None:
    issuer.metadata["authorization_response_iss_parameter_supported"] = True
    back = issuer.sign_in(await begin(client), **VERIFIED)
    params = back if iss is None else {**back, "iss": iss}
    problem(await client.get(CALLBACK, params=params), 400, "invalid_callback")
    back = issuer.sign_in(await begin(client))
    assert (await client.get(CALLBACK, params={**back, "iss": ISSUER})).status_code == 303


async def test_check_31_a_code_works_once_and_for_a_few_minutes(
    client: httpx2.AsyncClient, issuer: FakeIssuer, clock: FakeClock
) -> None:
    code = await come_back(client, issuer)
    assert (await exchanged(client, code)).status_code == 200
    problem(await exchanged(client, code), 400, "invalid_grant")
    late = await come_back(client, issuer)
    clock.tick(minutes=5)
    problem(await exchanged(client, late), 400, "invalid_grant")
    problem(await exchanged(client, late[:-2]), 400, "invalid_grant")


async def test_check_31_a_code_with_a_challenge_needs_its_verifier(
    client: httpx2.AsyncClient, issuer: FakeIssuer
) -> None:
    code = await come_back(client, issuer, challenge=challenge_of(VERIFIER))
    problem(await exchanged(client, code), 400, "invalid_grant")
    problem(await exchanged(client, code, code_verifier="w" * 43), 400, "invalid_grant")
    assert (await exchanged(client, code, code_verifier=VERIFIER)).status_code == 200


REDIRECTS = [
    "https://evil.example/", "//evil.example", "/\\evil.example", f"{RETURN}/", f"{RETURN}?a=b", "",
    f"{RETURN}.evil.example", "https://app.example@evil.example/signed-in", "javascript:alert(1)",
]  # fmt: skip


@pytest.mark.parametrize("redirect_to", REDIRECTS)
async def test_check_32_only_a_listed_address_is_redirected_to(
    client: httpx2.AsyncClient, redirect_to: str
) -> None:
    answer = await client.get(START, params={"redirect_to": redirect_to})
    problem(answer, 422, "redirect_not_allowed")
    assert "location" not in answer.headers


async def test_check_32_no_token_is_in_an_address(
    client: httpx2.AsyncClient, issuer: FakeIssuer
) -> None:
    url = await begin(client, redirect_to=RETURN)
    answer = await client.get(CALLBACK, params=issuer.sign_in(url, **VERIFIED))
    tokens = (await exchanged(client, code_of(answer))).json()
    for secret in (tokens["access_token"], tokens["refresh_token"], "zoe@example.com"):
        assert secret not in url + answer.headers["location"]


async def test_the_cookie_of_a_flow_is_kept_from_scripts_and_deleted_at_its_end(
    client: httpx2.AsyncClient, issuer: FakeIssuer
) -> None:
    begun = await client.get(START)
    assert "HttpOnly" in begun.headers["set-cookie"]
    assert "SameSite=lax" in begun.headers["set-cookie"]
    back = issuer.sign_in(begun.headers["location"], **VERIFIED)
    ended = await client.get(CALLBACK, params=back)
    assert "Max-Age=0" in ended.headers["set-cookie"]
    assert not client.cookies


async def test_a_refusal_of_the_provider_reaches_the_client_by_its_name(
    client: httpx2.AsyncClient, issuer: FakeIssuer
) -> None:
    for error, expected in (("access_denied", "access_denied"), ("<script>", "server_error")):
        state = issuer.sign_in(await begin(client))["state"]
        answer = await client.get(CALLBACK, params={"state": state, "error": error})
        assert answer.headers["location"] == f"{RETURN}?error={expected}"


async def test_parameters_of_the_provider_are_ignored(
    client: httpx2.AsyncClient, issuer: FakeIssuer
) -> None:
    back = {**issuer.sign_in(await begin(client), **VERIFIED), "session_state": "x", "prompt": "y"}
    assert (await client.get(CALLBACK, params=back)).status_code == 303


async def test_an_unknown_provider_is_404(client: httpx2.AsyncClient) -> None:
    for path in ("start", "callback"):
        problem(await client.get(f"/auth/oidc/there/{path}"), 404, "provider_not_found")


async def test_a_dead_provider_is_503_and_not_asked_again_at_once(
    client: httpx2.AsyncClient, issuer: FakeIssuer
) -> None:
    issuer.dies()
    for _ in range(3):
        answer = await client.get(START)
        problem(answer, 503, "provider_unavailable")
        assert answer.headers["retry-after"]
    assert len(issuer.requests) == 1
