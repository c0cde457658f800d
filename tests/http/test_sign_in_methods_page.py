"""The page on which an account removes what it is signed in to by."""

import re
from dataclasses import replace

import httpx2
import pytest

from jubilee.domain.factors.factor import MfaRequirement
from tests.conftest import PASSWORD, Person, SignUp
from tests.fakes.mail_worker import PUBLIC_URL, FakeMailWorker
from tests.fakes.store import FakeClock, FakeStore
from tests.http.factor_calls import add_app, add_passkey
from tests.http.test_pages import Page
from tests.support.authenticator import SoftAuthenticator

PATH = "/account/sign-in-methods"
SIGN_IN = {"username": "zoe", "password": PASSWORD}


@pytest.fixture
async def zoe(sign_up: SignUp) -> Person:
    return await sign_up("zoe")


def choices(answer: httpx2.Response) -> list[str | None]:
    return [
        one["value"] for one in Page(answer.text).attributes("input") if one.get("type") == "radio"
    ]


def token(answer: httpx2.Response) -> str:
    [field] = [one for one in Page(answer.text).attributes("input") if one["name"] == "token"]
    return str(field["value"])


async def test_a_passkey_that_is_not_ones_own_is_removed_and_all_devices_are_signed_out(
    client: httpx2.AsyncClient, zoe: Person, store: FakeStore
) -> None:
    key = (await add_passkey(client, zoe, SoftAuthenticator())).json()["id"]
    page = await client.post(PATH, data=SIGN_IN)
    assert (page.status_code, choices(page)) == (200, [f"passkey:{key}", "devices"])
    form = {"token": token(page), "remove": f"passkey:{key}"}
    assert choices(await client.post(PATH, data=form)) == ["devices"]
    done = await client.post(PATH, data={**form, "remove": "devices"})
    assert (done.status_code, "Signed out everywhere" in done.text) == (200, True)
    assert store.sessions == {}


async def test_an_account_with_an_app_signs_in_with_its_code_as_well(
    client: httpx2.AsyncClient, zoe: Person, clock: FakeClock
) -> None:
    app = await add_app(client, zoe, clock)
    clock.tick(seconds=30)
    refused = await client.post(PATH, data=SIGN_IN)
    assert (refused.status_code, "Enter a code as well." in refused.text) == (403, True)
    wrong = await client.post(PATH, data={**SIGN_IN, "code": "000000"})
    assert "The code is wrong" in wrong.text
    page = await client.post(PATH, data={**SIGN_IN, "code": app.code()})
    assert [str(one).partition(":")[0] for one in choices(page)] == ["app", "devices"]


async def test_the_last_way_in_stays_and_the_page_says_why(
    client: httpx2.AsyncClient, zoe: Person, store: FakeStore
) -> None:
    key = (await add_passkey(client, zoe, SoftAuthenticator())).json()["id"]
    page = await client.post(PATH, data=SIGN_IN)
    store.users[zoe.user.id] = replace(store.users[zoe.user.id], password_hash=None)
    form = {"token": token(page), "remove": f"passkey:{key}"}
    refused = await client.post(PATH, data=form)
    assert (refused.status_code, "the last way to sign in" in refused.text) == (409, True)
    assert choices(refused) == [f"passkey:{key}", "devices"]


async def test_a_page_that_is_too_old_removes_nothing(
    client: httpx2.AsyncClient, zoe: Person, store: FakeStore, clock: FakeClock
) -> None:
    key = (await add_passkey(client, zoe, SoftAuthenticator())).json()["id"]
    form = {"token": token(await client.post(PATH, data=SIGN_IN)), "remove": f"passkey:{key}"}
    clock.tick(minutes=15)
    refused = await client.post(PATH, data=form)
    assert (refused.status_code, "Sign in again." in refused.text) == (403, True)
    assert len(store.factors.passkeys) == 1


@pytest.mark.parametrize("chosen", ["passkey:x", "app:019aa0c1-7d4e-7c35-9d0f-3a4b5c6d7e8f"])
async def test_a_choice_that_does_not_exist_is_refused_on_the_page(
    client: httpx2.AsyncClient, zoe: Person, chosen: str
) -> None:
    form = {"token": token(await client.post(PATH, data=SIGN_IN)), "remove": chosen}
    refused = await client.post(PATH, data=form)
    assert (refused.status_code, 'role="alert"' in refused.text) == (404, True)


async def test_a_token_of_a_program_opens_no_page(client: httpx2.AsyncClient, zoe: Person) -> None:
    new = {"name": "import", "scopes": ["items:read"]}
    made = await client.post("/auth/access-tokens", json=new, headers=zoe.headers)
    refused = await client.post(PATH, data={"token": made.json()["token"]})
    assert (refused.status_code, choices(refused)) == (401, [])


@pytest.mark.parametrize("mfa_requirement", [MfaRequirement.ALL])
async def test_a_session_that_lacks_a_required_second_factor_sees_nothing(
    client: httpx2.AsyncClient, zoe: Person
) -> None:
    refused = await client.post(PATH, data=SIGN_IN)
    assert (refused.status_code, choices(refused)) == (403, [])
    assert "Add one first." in refused.text


async def test_names_of_passkeys_are_escaped(client: httpx2.AsyncClient, zoe: Person) -> None:
    key = (await add_passkey(client, zoe, SoftAuthenticator())).json()["id"]
    name = {"name": "<b>Phone</b>"}
    headers = {**zoe.headers, "Content-Type": "application/merge-patch+json"}
    assert (
        await client.patch(f"/auth/passkeys/{key}", json=name, headers=headers)
    ).status_code == 200
    page = await client.post(PATH, data=SIGN_IN)
    assert ("<b>" in page.text, "&lt;b&gt;Phone&lt;/b&gt;" in page.text) == (False, True)


async def test_mails_about_changed_ways_in_and_a_restored_address_link_to_the_page(
    client: httpx2.AsyncClient, zoe: Person, mails: FakeMailWorker
) -> None:
    await add_passkey(client, zoe, SoftAuthenticator())
    changed = (await mails.run())[-1]
    address = {"email": "max@example.com", "current_password": PASSWORD}
    await client.patch("/users/me", json=address, headers=zoe.headers)
    await client.post("/auth/email/undo", json={"token": (await mails.link()).token})
    restored = (await mails.run())[-1]
    for mail in (changed, restored):
        links = re.findall(rf"{PUBLIC_URL}/account/([a-z-]+)", mail.text)
        assert links == ["forgot-password", "sign-in-methods"]
