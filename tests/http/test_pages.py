"""The pages that mails link to."""

import re
from html.parser import HTMLParser
from pathlib import Path

import httpx2
import pytest
from markupsafe import escape

from jubilee.adapters.mail import templates
from jubilee.domain.one_time.link import LinkPurpose
from jubilee.domain.services import Services
from jubilee.entrypoints.http.framework.endpoint import AnyEndpoint
from jubilee.entrypoints.http.pages.page import TAG
from jubilee.entrypoints.http.pages.rendering import POLICY
from jubilee.entrypoints.http.registry import ENDPOINTS
from tests.conftest import Person, SignUp
from tests.domain.greeting_harness import OPT_OUT
from tests.fakes.mail_worker import FakeMailWorker
from tests.fakes.store import FakeStore

MAILS = Path(templates.__file__).with_name("templates")
GERMAN = {"Accept-Language": "de"}
PAGES = [endpoint for endpoint in ENDPOINTS if endpoint.tag == TAG]
SHOWN = [endpoint for endpoint in PAGES if endpoint.method == "GET"]
SENT = [endpoint for endpoint in PAGES if endpoint.method == "POST"]
MARKER = "gaslight"
HOSTILE = '"><script>alert(1)</script>'


class Page(HTMLParser):
    """The elements of a page, with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def path_of(endpoint: AnyEndpoint) -> str:
    return endpoint.path


@pytest.fixture
async def zoe(sign_up: SignUp) -> Person:
    return await sign_up("zoe")


@pytest.mark.parametrize("endpoint", SHOWN, ids=path_of)
async def test_a_page_runs_no_script_and_sends_no_referrer(
    client: httpx2.AsyncClient, endpoint: AnyEndpoint
) -> None:
    answer = await client.get(endpoint.path)
    assert answer.status_code == 200
    assert answer.headers["content-security-policy"] == POLICY
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    names = {name for name, _ in Page(answer.text).elements}
    assert names.isdisjoint({"script", "img", "link", "iframe"})


@pytest.mark.parametrize("endpoint", SHOWN, ids=path_of)
async def test_a_page_is_usable_by_keyboard_and_screen_reader(
    client: httpx2.AsyncClient, endpoint: AnyEndpoint
) -> None:
    page = Page((await client.get(endpoint.path)).text)
    assert [attributes["lang"] for attributes in page.attributes("html")] == ["en"]
    assert len(page.attributes("h1")) == len(page.attributes("main")) == 1
    labelled = {attributes["for"] for attributes in page.attributes("label")}
    visible = [one for one in page.attributes("input") if one.get("type") != "hidden"]
    assert {one["id"] for one in visible} == labelled
    assert all(one.get("autocomplete") for one in visible)
    assert [one["type"] for one in page.attributes("button")] == ["submit"]


@pytest.mark.parametrize("endpoint", SHOWN, ids=path_of)
async def test_a_page_is_in_the_language_of_the_browser(
    client: httpx2.AsyncClient, endpoint: AnyEndpoint
) -> None:
    german = await client.get(endpoint.path, headers=GERMAN)
    assert german.headers["content-language"] == "de"
    assert "Accept-Language" in german.headers["vary"]
    english = (await client.get(endpoint.path)).text
    assert english.partition("<h1>")[2][:20] != german.text.partition("<h1>")[2][:20]


async def test_a_token_is_escaped(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/account/verify-email", params={"token": HOSTILE})
    assert HOSTILE not in answer.text
    assert str(escape(HOSTILE)) in answer.text


async def test_check_14_opening_a_link_changes_nothing_and_its_form_works_once(
    client: httpx2.AsyncClient,
    services: Services,
    zoe: Person,
    store: FakeStore,
    mails: FakeMailWorker,
) -> None:
    await services.link_requests.request(LinkPurpose.VERIFY_EMAIL, "zoe@example.com")
    link = await mails.link()
    path = f"/account/{link.page}"
    for method in ("GET", "HEAD", "GET"):
        answer = await client.request(method, path, params={"token": link.token})
        assert answer.status_code == 200
    assert not store.users[zoe.user.id].email_verified
    statuses = [(await client.post(path, data={"token": link.token})).status_code for _ in range(2)]
    assert statuses == [200, 400]
    assert store.users[zoe.user.id].email_verified


async def test_a_password_is_set_by_the_form_with_the_typed_code(
    client: httpx2.AsyncClient, zoe: Person, mails: FakeMailWorker, store: FakeStore
) -> None:
    await client.post("/account/forgot-password", data={"email": " zoe@example.com "})
    link = await mails.link()
    form = {"email": "zoe@example.com", "code": link.code, "password": "an engine of copper"}
    answer = await client.post(f"/account/{link.page}", data=form, headers=GERMAN)
    assert answer.status_code == 200
    assert "Passwort gesetzt" in answer.text
    assert store.users[zoe.user.id].password_hash == "1:an engine of copper"


async def test_another_mail_to_confirm_an_address_is_sent_by_a_form(
    client: httpx2.AsyncClient, zoe: Person, mails: FakeMailWorker, store: FakeStore
) -> None:
    answer = await client.post("/account/resend-verification", data={"email": zoe.user.email})
    assert (answer.status_code, "on its way" in answer.text) == (200, True)
    link = await mails.link()
    await client.post(f"/account/{link.page}", data={"token": link.token})
    assert store.users[zoe.user.id].email_verified


def test_every_link_of_a_mail_leads_to_a_page() -> None:
    linked = {
        found
        for path in MAILS.iterdir()
        for found in re.findall(r"(?:/account/|page = \")([a-z-]+)", path.read_text("utf-8"))
    }
    assert len(linked) > 5
    assert linked <= {page.path.rpartition("/")[2] for page in SHOWN}


async def test_a_refusal_is_on_the_page_which_keeps_the_token(
    client: httpx2.AsyncClient, zoe: Person, services: Services, mails: FakeMailWorker
) -> None:
    await services.link_requests.request(LinkPurpose.RESET_PASSWORD, "zoe@example.com")
    token = (await mails.link()).token
    form = {"token": token, "password": "short"}
    answer = await client.post("/account/reset-password", data=form)
    page = Page(answer.text)
    assert answer.status_code == 422
    assert "The password is too short." in answer.text
    assert [one["value"] for one in page.attributes("input") if one["name"] == "token"] == [token]
    assert [one["role"] for one in page.attributes("div")] == ["alert"]


@pytest.mark.parametrize("form", [{}, {"email": "x"}, {"token": "x"}])
async def test_an_incomplete_form_is_refused_on_the_page(
    client: httpx2.AsyncClient, form: dict[str, str]
) -> None:
    answer = await client.post("/account/verify-email", data=form or {"unknown": "x"})
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text


async def test_an_address_that_is_none_is_refused_on_the_page(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/account/forgot-password", data={"email": "zoe"})
    assert answer.status_code == 422
    assert "This is no e-mail address." in answer.text


async def test_greetings_are_turned_off_by_one_click_of_a_mail_program(
    client: httpx2.AsyncClient, zoe: Person, store: FakeStore
) -> None:
    link = {"token": OPT_OUT.sign(zoe.user.id)}
    assert (await client.get("/account/unsubscribe", params=link)).status_code == 200
    assert store.users[zoe.user.id].birthday_greeting
    one_click = {"List-Unsubscribe": "One-Click"}
    answer = await client.post("/account/unsubscribe", params=link, data=one_click)
    assert answer.status_code == 200
    assert not store.users[zoe.user.id].birthday_greeting


async def test_greetings_are_turned_off_by_the_form(
    client: httpx2.AsyncClient, zoe: Person, store: FakeStore
) -> None:
    form = {"token": OPT_OUT.sign(zoe.user.id)}
    assert (await client.post("/account/unsubscribe", data=form)).status_code == 200
    assert not store.users[zoe.user.id].birthday_greeting
    assert (await client.post("/account/unsubscribe", data={"token": "x"})).status_code == 400


@pytest.mark.parametrize("endpoint", SENT, ids=path_of)
async def test_check_42_a_refusal_page_repeats_no_value_of_its_form(
    client: httpx2.AsyncClient, endpoint: AnyEndpoint
) -> None:
    assert endpoint.body is not None
    for name in endpoint.body.model_fields:
        for value in (MARKER, f"{HOSTILE}{MARKER}", MARKER * 1000):
            answer = await client.post(endpoint.path, data={name: value})
            assert 400 <= answer.status_code < 500
            assert MARKER not in answer.text
