"""What is sent of a response: 304, gzip, or no body by `Prefer`."""

import gzip
from typing import Any
from uuid import UUID

import httpx2
import pytest
from pydantic import BaseModel

from jubilee.entrypoints.http.framework.endpoint import AnyEndpoint
from jubilee.entrypoints.http.framework.paging import PageReply
from jubilee.entrypoints.http.framework.representation import MAX_INLINE_BYTES, MIN_GZIP_BYTES
from jubilee.entrypoints.http.meta import HealthReply
from jubilee.entrypoints.http.registry import ENDPOINTS
from tests.conftest import Person, SignUp
from tests.http.item_calls import create_item
from tests.http.refusals import problem

SECRETS = ("password", "secret", "token")
HOST = "http://api.test"
OTHERS = {
    *("getIssuerMetadata", "getOpenIdConfiguration", "getSigningKeys"),
    *("listIdentities", "listProviders"),
}
"""Published settings, and short lists without pages."""


def models(endpoint: AnyEndpoint) -> list[type[BaseModel]]:
    return [reply.model for reply in endpoint.replies if reply.model is not None]


def values(model: type[BaseModel]) -> list[str]:
    """The members that are neither addresses nor lists of what is supported."""
    return [n for n in model.model_fields if not n.endswith(("_endpoint", "_supported"))]


def is_single(endpoint: AnyEndpoint) -> bool:
    """Whether it reads one resource: no list, and no state of the process."""
    return (
        endpoint.method == "GET"
        and endpoint.name not in OTHERS
        and any(not issubclass(model, PageReply | HealthReply) for model in models(endpoint))
    )


@pytest.fixture
async def zoe(sign_up: SignUp) -> Person:
    return await sign_up("zoe", is_superuser=True)


@pytest.fixture
async def paths(client: httpx2.AsyncClient, zoe: Person) -> dict[str, str]:
    """The path of an existing resource for each endpoint that reads one."""
    item = (await create_item(client, zoe)).headers["location"]
    born = {"dateOfBirth": "1990-02-28"}
    assert (await client.put("/hello/zoe", json=born, headers=zoe.headers)).status_code == 204
    body = {"kind": "echo", "data": {}}
    task = (await client.post("/tasks", json=body, headers=zoe.headers)).headers["location"]
    own = {"getItem": item, "getTask": task, "getUser": f"/api/users/{zoe.user.id}"}
    new = {"name": "import", "scopes": ["items:read"]}
    machine = await client.post("/service-accounts", json=new, headers=zoe.headers)
    own["getServiceAccount"] = machine.headers["location"]
    own["getUserRoles"] = f"{own['getUser']}/roles"
    found = {endpoint.name: f"/api{endpoint.path}" for endpoint in ENDPOINTS if is_single(endpoint)}
    return {**found, **own, "greet": "/api/hello/zoe"}


SINGLE = [endpoint.name for endpoint in ENDPOINTS if is_single(endpoint)]


def test_every_single_resource_is_among_those_with_a_tag() -> None:
    assert set(SINGLE) == {
        *("greet", "whoAmI", "getMe", "getUser", "getItem", "getTask", "home", "getOpenApi"),
        "getServiceAccount",
        "getUserRoles",
    }
    assert [e.name for e in ENDPOINTS if is_single(e) and not e.is_tagged] == []


@pytest.mark.parametrize("name", SINGLE)
async def test_every_single_resource_is_304_while_it_is_unchanged(
    client: httpx2.AsyncClient, zoe: Person, paths: dict[str, str], name: str
) -> None:
    path = HOST + paths[name]
    first = await client.get(path, headers=zoe.headers)
    known = {**zoe.headers, "If-None-Match": first.headers["etag"]}
    again, head = await client.get(path, headers=known), await client.head(path, headers=known)
    for answer in (again, head):
        assert (answer.status_code, answer.content) == (304, b"")
        for header in ("etag", "cache-control", "vary"):
            assert answer.headers.get(header) == first.headers.get(header), header
        assert {"content-type", "content-encoding"}.isdisjoint(answer.headers)
    other = await client.get(path, headers={**zoe.headers, "If-None-Match": '"other"'})
    assert (other.status_code, other.content) == (200, first.content)


@pytest.mark.parametrize("page", ["/problems", "/problems/stale", "/docs", "/redoc"])
async def test_a_page_is_304_while_it_is_unchanged(client: httpx2.AsyncClient, page: str) -> None:
    first = await client.get(page)
    again = await client.get(page, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    policy = "content-security-policy"  # caches take it from a 304
    assert again.headers[policy] == first.headers[policy]


async def long_item(client: httpx2.AsyncClient, zoe: Person, chars: int) -> str:
    created = await create_item(client, zoe, description="warm white " * (chars // 11))
    return f"{HOST}{created.headers['location']}"


async def test_a_large_response_is_compressed_for_clients_that_accept_it(
    client: httpx2.AsyncClient, zoe: Person
) -> None:
    path = await long_item(client, zoe, 2 * MIN_GZIP_BYTES)
    plain, small = [
        await client.get(path, headers={**zoe.headers, "Accept-Encoding": coding})
        for coding in ("identity", "gzip")
    ]
    assert small.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert small.content == plain.content
    assert int(small.headers["content-length"]) < len(plain.content) / 4
    assert small.headers["vary"] == plain.headers["vary"] == "Accept-Encoding, Origin"
    assert (plain.headers["etag"], small.headers["etag"]) == ('"1"', '"1-gzip"')


async def test_a_small_response_is_not_compressed(client: httpx2.AsyncClient, zoe: Person) -> None:
    answer = await client.get("/users/me", headers={**zoe.headers, "Accept-Encoding": "gzip"})
    assert "content-encoding" not in answer.headers
    assert answer.headers["vary"] == "Origin"


async def test_a_page_of_a_list_is_compressed(client: httpx2.AsyncClient, zoe: Person) -> None:
    for _ in range(MAX_INLINE_BYTES // MIN_GZIP_BYTES):
        await long_item(client, zoe, MIN_GZIP_BYTES)
    async with client.stream("GET", "/items?limit=100", headers=zoe.headers) as answer:
        raw = b"".join([chunk async for chunk in answer.aiter_raw()])
    assert answer.headers["content-encoding"] == "gzip"
    assert len(gzip.decompress(raw)) > MAX_INLINE_BYTES


async def test_a_compressed_response_is_304_by_its_own_tag(
    client: httpx2.AsyncClient, zoe: Person
) -> None:
    path, headers = await long_item(client, zoe, 2 * MIN_GZIP_BYTES), dict(zoe.headers)
    for coding, tag, other in (("gzip", '"1-gzip"', '"1"'), ("identity", '"1"', '"1-gzip"')):
        headers["Accept-Encoding"] = coding
        known = await client.get(path, headers={**headers, "If-None-Match": tag})
        assert (known.status_code, known.headers["etag"]) == (304, tag)
        assert "Accept-Encoding" in known.headers["vary"]
        assert (await client.get(path, headers={**headers, "If-None-Match": other})).is_success


@pytest.mark.parametrize(("tag", "status"), [('"1-gzip"', 200), ('"1"', 200), ('"2-gzip"', 412)])
async def test_a_write_accepts_the_tag_of_a_compressed_response(
    client: httpx2.AsyncClient, zoe: Person, tag: str, status: int
) -> None:
    path = await long_item(client, zoe, 2 * MIN_GZIP_BYTES)
    headers = {**zoe.headers, "If-Match": tag}
    assert (await client.patch(path, json={"title": "New"}, headers=headers)).status_code == status


def test_no_response_with_secrets_is_compressed() -> None:
    secret = [
        endpoint
        for endpoint in ENDPOINTS
        for model in models(endpoint)
        if any(word in name for name in values(model) for word in SECRETS)
    ]
    assert {endpoint.name for endpoint in secret} >= {"createToken", "signIn", "refreshToken"}
    assert [e.name for e in secret if e.method == "GET" and e.compressed] == []


async def test_tokens_are_sent_plain(client: httpx2.AsyncClient, zoe: Person) -> None:
    body = {"refresh_token": zoe.refresh_token}
    answer = await client.post("/auth/refresh", json=body, headers={"Accept-Encoding": "gzip"})
    assert answer.status_code == 200
    assert "content-encoding" not in answer.headers


MINIMAL = {"Prefer": "return=minimal"}
WRITES: list[tuple[str, str, dict[str, Any], int]] = [
    ("POST", "/items", {"title": "Lights"}, 201),
    ("POST", "/tasks", {"kind": "echo", "data": {}}, 202),
    ("POST", "/users", {"email": "ann@example.com", "password": "correct horse"}, 201),
    ("PATCH", "/users/me", {"full_name": "Zoe Quill"}, 204),
]


@pytest.mark.parametrize("write", WRITES)
async def test_a_write_with_return_minimal_has_no_body(
    client: httpx2.AsyncClient, zoe: Person, write: tuple[str, str, dict[str, Any], int]
) -> None:
    method, path, body, status = write
    answer = await client.request(method, path, json=body, headers=zoe.headers | MINIMAL)
    assert (answer.status_code, answer.content) == (status, b"")
    assert answer.headers["preference-applied"] == "return=minimal"
    assert "Prefer" in answer.headers["vary"]
    assert "etag" in answer.headers
    assert "content-type" not in answer.headers
    assert ("location" in answer.headers) == (method == "POST")


@pytest.mark.parametrize(
    ("lines", "applied"),
    [
        (["return=representation"], "return=representation"),
        (['RETURN = "Representation" ; x=1'], "return=representation"),
        (["respond-async, wait=5", "return=minimal"], "return=minimal"),
        (["return=minimal, return=representation"], "return=minimal"),
        (["return=everything"], None),
        (["x-return=minimal"], None),
        (["minimal"], None),
    ],
)
async def test_only_known_preferences_are_applied(
    client: httpx2.AsyncClient, zoe: Person, lines: list[str], applied: str | None
) -> None:
    headers = [*zoe.headers.items(), *(("Prefer", line) for line in lines)]
    answer = await client.patch("/users/me", json={}, headers=headers)
    assert answer.headers.get("preference-applied") == applied
    assert answer.status_code == (204 if applied == "return=minimal" else 200)
    assert "Prefer" in answer.headers["vary"]


async def test_no_preference_leaves_out_tokens(client: httpx2.AsyncClient, zoe: Person) -> None:
    body = {"refresh_token": zoe.refresh_token}
    answer = await client.post("/auth/refresh", json=body, headers=MINIMAL)
    assert (answer.status_code, "access_token" in answer.json()) == (200, True)
    assert "preference-applied" not in answer.headers


async def test_an_error_ignores_the_preference(client: httpx2.AsyncClient, zoe: Person) -> None:
    answer = await client.get(f"/items/{UUID(int=0)}", headers=zoe.headers | MINIMAL)
    problem(answer, 404, "item_not_found")
    answer = await client.post("/items", json={}, headers=zoe.headers | MINIMAL)
    problem(answer, 422, "invalid_request")


async def test_another_body_than_a_path_accepts_is_415_with_accept_post(
    client: httpx2.AsyncClient, zoe: Person
) -> None:
    for path, formats in (("/items", "application/json"), ("/auth/token", None)):
        sent = {**zoe.headers, "Content-Type": "text/plain"}
        answer = await client.post(path, content="x", headers=sent)
        problem(answer, 415, "unsupported_media_type")
        accepted = answer.headers["accept-post"]
        assert accepted == (await client.options(path)).headers["accept-post"]
        assert formats in {None, accepted}
