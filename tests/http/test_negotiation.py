"""Content-Type and Content-Encoding (415), Accept (406), length of the target (414)."""

import gzip
import json
import time
from contextlib import suppress

import httpx2
import pytest
from starlette.datastructures import Headers

from jubilee.entrypoints.http.framework.negotiation import require_acceptable
from jubilee.entrypoints.http.framework.problems import NotAcceptable
from jubilee.entrypoints.http.registry import ENDPOINTS
from tests.conftest import SignUp
from tests.fakes.store import FakeStore
from tests.http.refusals import problem

VALID = json.dumps({"email": "zoe@example.com", "password": "correct horse battery"})
JSON = "application/json"


@pytest.mark.parametrize(
    "charset", ["iso-8859-1", "utf-16", '"latin1"', "utf-8-sig", " us-ascii", "", "utf-7; x=1"]
)
async def test_a_charset_other_than_utf_8_is_415(
    client: httpx2.AsyncClient, store: FakeStore, charset: str
) -> None:
    sent = {"Content-Type": f"{JSON};Charset={charset}"}
    answer = await client.post("/users", content=VALID, headers=sent)
    problem(answer, 415, "unsupported_media_type")
    assert store.users == {}


@pytest.mark.parametrize("charset", ["utf-8", "UTF-8", '"utf-8"', "utf8; x=1"])
async def test_charset_utf_8_is_accepted(client: httpx2.AsyncClient, charset: str) -> None:
    sent = {"Content-Type": f"{JSON} ; charset={charset}"}
    assert (await client.post("/users", content=VALID, headers=sent)).status_code == 201


async def test_a_form_of_another_charset_is_415(client: httpx2.AsyncClient) -> None:
    sent = {"Content-Type": "application/x-www-form-urlencoded; charset=latin1"}
    answer = await client.post("/auth/token", content="username=a&password=b", headers=sent)
    problem(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize("coding", ["gzip", "br", "identity, gzip", "x", "deflate"])
async def test_check_37_a_content_encoding_is_415_with_accept_encoding(
    client: httpx2.AsyncClient, store: FakeStore, coding: str
) -> None:
    sent = {"Content-Type": JSON, "Content-Encoding": coding}
    answer = await client.post("/users", content=gzip.compress(VALID.encode()), headers=sent)
    problem(answer, 415, "unsupported_content_encoding")
    assert answer.headers["accept-encoding"] == "identity"
    assert store.users == {}


@pytest.mark.parametrize("coding", ["identity", "Identity", ""])
async def test_content_encoding_identity_is_accepted(
    client: httpx2.AsyncClient, coding: str
) -> None:
    sent = {"Content-Type": JSON, "Content-Encoding": coding}
    assert (await client.post("/users", content=VALID, headers=sent)).status_code == 201


REFUSED = [
    "text/html",
    "application/xml, text/*",
    "application/json;q=0",
    "application/json;q=0, */*",
    "application/json; q=0.000",
    "application/*;q=0, */*;q=1",
    "*/*;q=0",
    "application/problem+json",
]
ACCEPTED = [
    "*/*",
    "application/json",
    "Application/JSON; charset=utf-8",
    "application/*",
    "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "text/html;q=0, */*;q=0.1",
    "*/*;q=0, application/json;q=0.001",
    "",
    "json",
    ";;,,",
    "application/json;q=x",
]


@pytest.mark.parametrize("accept", REFUSED)
async def test_a_client_that_does_not_accept_json_gets_406(
    client: httpx2.AsyncClient, accept: str
) -> None:
    answer = await client.get("/health/live", headers={"Accept": accept})
    assert "application/json" in problem(answer, 406, "not_acceptable")["detail"]


@pytest.mark.parametrize("accept", ACCEPTED)
async def test_a_client_that_accepts_json_gets_it(client: httpx2.AsyncClient, accept: str) -> None:
    assert (await client.get("/health/live", headers={"Accept": accept})).status_code == 200


async def test_repeated_accept_headers_are_one_list(client: httpx2.AsyncClient) -> None:
    lines = [("Accept", "text/html"), ("Accept", "application/json")]
    assert (await client.get("/health/live", headers=lines)).status_code == 200


async def test_an_unacceptable_request_has_no_effect(
    client: httpx2.AsyncClient, sign_up: SignUp, store: FakeStore
) -> None:
    zoe = await sign_up()
    sent = {**zoe.headers, "Accept": "text/html"}
    answer = await client.post("/items", json={"title": "Lights"}, headers=sent)
    problem(answer, 406, "not_acceptable")
    assert store.items.rows == {}


async def test_an_answer_without_content_is_always_acceptable(client: httpx2.AsyncClient) -> None:
    born = {"dateOfBirth": "1990-02-28"}
    answer = await client.put("/hello/zoe", json=born, headers={"Accept": "text/html"})
    assert answer.status_code == 204


async def test_pages_are_offered_only_as_html(client: httpx2.AsyncClient) -> None:
    for path in ("/docs", "/redoc"):
        sent = {"Accept": "text/html"}
        assert (await client.get(path, headers=sent)).status_code == 200
        sent = {"Accept": "application/json"}
        problem(await client.get(path, headers=sent), 406, "not_acceptable")


def test_every_endpoint_with_content_offers_a_media_type() -> None:
    for endpoint in ENDPOINTS:
        silent = {reply.status for reply in endpoint.replies} <= {204, 302, 303}
        assert bool(endpoint.offered) is not silent, endpoint.name


@pytest.mark.parametrize("accept", ["," * 32_000, "a/b;" * 8_000, "a/b," * 8_000, "a/b; " * 8_000])
def test_a_crafted_accept_header_is_parsed_in_linear_time(accept: str) -> None:
    def cpu_s() -> float:
        started = time.process_time()
        for offered in ("application/json", "text/plain"):
            with suppress(NotAcceptable):
                require_acceptable(Headers({"accept": accept}), (offered,))
        return time.process_time() - started

    assert min(cpu_s() for _ in range(5)) < 0.02


@pytest.mark.parametrize("target", ["/hello/" + "z" * 8_192, "/items?q=" + "z" * 8_192])
async def test_a_target_of_more_than_8_kib_is_414(client: httpx2.AsyncClient, target: str) -> None:
    problem(await client.get(target), 414, "uri_too_long")


async def test_a_target_within_8_kib_is_accepted(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/hello/" + "z" * 8_000)).status_code == 422
