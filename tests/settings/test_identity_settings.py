"""Settings of providers to sign in with, of second factors and of passkeys."""

import json

import pytest

from tests.settings.given import given, refusal

ISSUER = "https://issuer.example"
HERE = {"name": "here", "issuer": ISSUER, "client_id": "c"}
GITHUB = {"name": "github", "kind": "github", "client_id": "c"}
WAY_BACK = {"PUBLIC_URL": "https://a.example", "OIDC_REDIRECTS": "https://app.example/in"}


def test_providers_are_read_from_a_json_array(env: pytest.MonkeyPatch) -> None:
    assert given(env).identity_providers == ()
    settings = given(env, OIDC_PROVIDERS=json.dumps([HERE, GITHUB]), **WAY_BACK)
    here, github = settings.identity_providers
    assert (here.kind, here.issuer, here.private, here.sign_up) == ("oidc", ISSUER, False, True)
    assert (github.kind, github.issuer, github.client_secret) == ("github", None, None)


@pytest.mark.parametrize(
    ("providers", "reason"),
    [
        ("{", "it is no JSON array of providers"),
        ([{**HERE, "client": "x"}], "0/client: Extra inputs"),
        ([{**HERE, "client_id": ""}], "0/client_id: String should have at least 1"),
        ([{**HERE, "name": "Here"}], "0/name: String should match"),
        ([{**HERE, "name": "h" * 33}], "0/name: String should match"),
        ([{**HERE, "title": "t" * 101}], "0/title: String should have at most 100"),
        ([{**HERE, "issuer": "issuer.example"}], "0/issuer: String should match"),
        ([HERE, HERE], "each provider needs a name of its own"),
        ([HERE, {**HERE, "name": "there", "issuer": None}], "needs its issuer"),
        ([{**HERE, "client_secret": ["Zq7"]}], "0/client_secret: Input should be a valid string"),
    ],
)
def test_providers_are_checked_at_the_start(
    env: pytest.MonkeyPatch, providers: object, reason: str
) -> None:
    text = providers if isinstance(providers, str) else json.dumps(providers)
    said = refusal(env, OIDC_PROVIDERS=text)
    assert reason in said
    assert "Zq7" not in said


@pytest.mark.parametrize("missing", WAY_BACK)
def test_providers_need_a_way_back_to_the_client(env: pytest.MonkeyPatch, missing: str) -> None:
    env.setenv("OIDC_PROVIDERS", json.dumps([HERE]))
    rest = {name: value for name, value in WAY_BACK.items() if name != missing}
    assert "OIDC_PROVIDERS needs PUBLIC_URL and OIDC_REDIRECTS" in refusal(env, **rest)


@pytest.mark.parametrize(
    ("name", "accepted", "refused"),
    [
        ("OIDC_REDIRECTS", "app.example.jubilee://in,https://a.example/x?y=1", "/in"),
        ("OIDC_REDIRECTS", "https://a.example/" + "x" * 482, "https://a.example/" + "x" * 483),
        ("OIDC_REDIRECTS", "https://a.example/in", "https://a.example/in#x"),
        ("OIDC_REDIRECTS", "data-app://in", "data://in"),
        ("OIDC_REDIRECTS", "js://in", "JavaScript://in"),
        ("PASSKEY_ORIGINS", "https://a.example,http://localhost:3000", "https://a.example/"),
        ("PASSKEY_ORIGINS", "https://a.example:1", "https://a.example:0"),
        ("PASSKEY_DOMAIN", "a.example", "https://a.example"),
        ("SERVICE_NAME", "n" * 64, "n" * 65),
        ("MFA_REQUIRED", "admins", "some"),
    ],
)
def test_what_browsers_return_to_and_show_is_checked_at_the_start(
    env: pytest.MonkeyPatch, name: str, accepted: str, refused: str
) -> None:
    assert given(env, **{name: accepted}).masked()[name] == accepted
    assert name.lower() in refusal(env, **{name: refused})
