"""Providers of sign-in: GitHub's answers, keys of an issuer, and what a provider may be asked."""

from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Literal
from urllib.parse import parse_qsl

import pytest

from jubilee.bootstrap.identities import make_provider
from jubilee.domain.identities.identity import (
    InvalidCallback,
    InvalidLogoutToken,
    ProviderUnavailable,
)
from jubilee.domain.identities.provider import AuthorizationRequest, SignInProvider
from jubilee.domain.ip_addresses import Address
from jubilee.domain.outbound.address_policy import AddressFilter
from jubilee.domain.outbound.request import HttpRequest
from jubilee.domain.outbound.sending import AddressNotAllowed, HttpReply, HttpSender
from jubilee.settings.identity_providers import ProviderSettings
from tests.fakes.issuer import CLIENT_ID, ISSUER, FakeIssuer, found

REQUEST = AuthorizationRequest("https://api.example/callback", "s" * 43, "n" * 43, "v" * 43)
EMAILS = [
    {"email": "old@example.com", "primary": False, "verified": True},
    {"email": "zoe@example.com", "primary": True, "verified": True},
]


@dataclass(slots=True)
class FakeGitHub(HttpSender):
    """Answers as GitHub does."""

    token: object = field(default_factory=lambda: {"access_token": "gho_1"})
    emails: object = field(default_factory=lambda: EMAILS)
    user: object = field(default_factory=lambda: {"id": 4711, "login": "zoe", "name": "Zoe Quill"})
    urls: list[str] = field(default_factory=list)
    form: dict[str, str] = field(default_factory=dict)
    """What the code was sent with."""

    async def send(self, request: HttpRequest, allows: AddressFilter) -> HttpReply:
        del allows
        self.form |= parse_qsl((request.body or b"").decode())
        self.urls.append(f"{request.host}{request.target}")
        match request.target:
            case "/login/oauth/access_token":
                return found(self.token)
            case "/user" | "/api/v3/user":
                return found(self.user)
            case _:
                return found(self.emails)


def github(sender: HttpSender, issuer: str | None = None) -> SignInProvider:
    chosen = ProviderSettings(name="github", kind="github", issuer=issuer, client_id="c")
    return make_provider(chosen, sender)


@pytest.mark.parametrize("secret", [None, "s3cret"])
async def test_github_is_told_which_application_has_the_code(secret: str | None) -> None:
    sender = FakeGitHub()
    chosen = ProviderSettings(name="github", kind="github", client_id="c", client_secret=secret)
    await make_provider(chosen, sender).redeem("code", REQUEST)
    assert (sender.form["client_id"], sender.form["code"]) == ("c", "code")
    assert sender.form.get("client_secret", "") == (secret or "")


async def test_github_says_who_signed_in_by_the_number_of_the_account() -> None:
    claims = await github(FakeGitHub()).redeem("code", REQUEST)
    assert (claims.issuer, claims.subject) == ("https://github.com", "4711")
    assert (claims.email, claims.is_email_verified) == ("zoe@example.com", True)
    assert claims.name == "Zoe Quill"


@pytest.mark.parametrize("emails", [[], [{**EMAILS[1], "verified": False}], {"message": "no"}])
async def test_github_without_a_verified_primary_address_names_none(emails: object) -> None:
    claims = await github(FakeGitHub(emails=emails)).redeem("code", REQUEST)
    assert (claims.email, claims.is_email_verified) == (None, False)


async def test_a_code_that_github_refuses_is_refused() -> None:
    sender = FakeGitHub(token={"error": "bad_verification_code"})
    with pytest.raises(InvalidCallback):
        await github(sender).redeem("code", REQUEST)
    with pytest.raises(InvalidLogoutToken):
        await github(sender).read_logout("token")


async def test_a_github_of_ones_own_has_its_own_addresses() -> None:
    sender = FakeGitHub()
    provider = github(sender, "https://git.example")
    url = await provider.authorization_url(REQUEST)
    assert url.startswith("https://git.example/login/oauth/authorize?")
    assert "code_challenge_method=S256" in url
    claims = await provider.redeem("code", REQUEST)
    assert claims.issuer == "https://git.example"
    assert {each.partition("/")[0] for each in sender.urls} == {"git.example"}


def openid(sender: HttpSender, issuer: str = ISSUER, *, private: bool = False) -> SignInProvider:
    chosen = ProviderSettings(name="here", issuer=issuer, client_id=CLIENT_ID, private=private)
    return make_provider(chosen, sender)


async def test_metadata_of_another_issuer_are_refused() -> None:
    issuer = FakeIssuer(metadata={"issuer": "https://other.example"})
    with pytest.raises(ProviderUnavailable):
        await openid(issuer).authorization_url(REQUEST)


async def test_metadata_are_read_once() -> None:
    issuer = FakeIssuer()
    provider = openid(issuer)
    for _ in range(3):
        await provider.authorization_url(REQUEST)
    assert len(issuer.requests) == 1


async def test_keys_are_not_read_anew_for_each_unknown_one() -> None:
    issuer = FakeIssuer(headers={"kid": "unknown"})
    provider = openid(issuer)
    for _ in range(5):
        with pytest.raises(InvalidLogoutToken):
            await provider.read_logout(issuer.token())
    assert [request.target for request in issuer.requests].count("/jwks") == 1


async def test_a_provider_that_is_not_private_is_asked_over_tls_alone() -> None:
    issuer = FakeIssuer()
    with pytest.raises(ProviderUnavailable):
        await openid(issuer, "http://issuer.example").authorization_url(REQUEST)
    assert not issuer.requests


@dataclass(slots=True)
class AddressSender(HttpSender):
    """A host with one address, which refuses where it is not allowed."""

    address: Address

    async def send(self, request: HttpRequest, allows: AddressFilter) -> HttpReply:
        if not allows(self.address):
            raise AddressNotAllowed("no address of this host is allowed")
        return await FakeIssuer().send(request, allows)


@pytest.mark.parametrize(
    ("address", "private", "allowed"),
    [
        ("93.184.216.34", False, True),
        ("10.1.2.3", False, False),
        ("10.1.2.3", True, True),
        ("127.0.0.1", True, True),
        ("169.254.169.254", True, False),
    ],
)
async def test_a_private_address_is_reached_by_setting_alone(
    address: str, private: bool, allowed: bool
) -> None:
    provider = openid(AddressSender(ip_address(address)), private=private)
    if allowed:
        assert (await provider.authorization_url(REQUEST)).startswith(ISSUER)
        return
    with pytest.raises(ProviderUnavailable):
        await provider.authorization_url(REQUEST)


@pytest.mark.parametrize("kind", ["oidc", "github"])
@pytest.mark.parametrize("sign_up", [True, False])
def test_a_provider_has_its_settings(kind: Literal["oidc", "github"], sign_up: bool) -> None:
    given = {"name": "here", "kind": kind, "issuer": ISSUER, "client_id": "c", "sign_up": sign_up}
    for title, shown in (("", "Here"), ("Sign in here", "Sign in here")):
        provider = make_provider(ProviderSettings(title=title, **given), FakeIssuer())
        assert (provider.issuer, provider.title) == (ISSUER, shown)
        assert provider.creates_accounts is sign_up


@pytest.mark.parametrize("issuer", [None, "https://git.example", "https://git.example/login/oauth"])
async def test_a_callback_of_github_names_it_or_no_issuer(issuer: str | None) -> None:
    provider = github(FakeGitHub(), "https://git.example")
    await provider.check_issuer(issuer)
    with pytest.raises(InvalidCallback):
        await provider.check_issuer(f"{issuer}/other")


@pytest.mark.parametrize("user", [{}, {"id": "4711"}, []])
async def test_an_answer_of_github_without_the_number_of_the_account_is_an_outage(
    user: object,
) -> None:
    with pytest.raises(ProviderUnavailable) as outage:
        await github(FakeGitHub(user=user)).redeem("code", REQUEST)
    assert "name the account" in outage.value.reason


@pytest.mark.parametrize(("subject", "email"), [("zoe-1", "zoe@example.com"), ("eve", None)])
async def test_an_address_from_userinfo_counts_for_the_same_subject_alone(
    subject: str, email: str | None
) -> None:
    issuer = FakeIssuer(metadata={"userinfo_endpoint": f"{ISSUER}/userinfo"})
    person = {"sub": subject, "email": "zoe@example.com", "email_verified": True}
    issuer.reply = lambda request: found(person) if request.target == "/userinfo" else None
    provider = openid(issuer)
    code = issuer.sign_in(await provider.authorization_url(REQUEST))["code"]
    claims = await provider.redeem(code, REQUEST)
    assert (claims.email, claims.is_email_verified) == (email, email is not None)


@pytest.mark.parametrize(("size", "is_read"), [(1000, True), (40_000, False)])
async def test_a_token_that_is_too_long_is_refused_before_it_is_read(
    size: int, is_read: bool
) -> None:
    issuer = FakeIssuer(claims={"padding": "a" * size})
    provider = openid(issuer)
    code = issuer.sign_in(await provider.authorization_url(REQUEST))["code"]
    if is_read:
        assert (await provider.redeem(code, REQUEST)).subject == "zoe-1"
    else:
        with pytest.raises(InvalidCallback):
            await provider.redeem(code, REQUEST)
    assert any(request.target == "/jwks" for request in issuer.requests) is is_read
