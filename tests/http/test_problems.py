"""Every error is a problem document, and none contains a secret of the request."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from jubilee.domain.errors import DomainError, Unavailable
from jubilee.domain.services import Services
from jubilee.entrypoints.http.app import HttpOptions, build_app
from jubilee.entrypoints.http.framework.context import BodyLimits, InFlightRequests
from jubilee.entrypoints.http.framework.endpoint import Access, AnyEndpoint
from jubilee.entrypoints.http.framework.problems import STATUSES, InternalError, problem, status_of
from jubilee.entrypoints.http.pages.page import HTML
from jubilee.entrypoints.http.registry import ENDPOINTS
from tests.conftest import PASSWORD, SignUp
from tests.fakes.store import FakeStore
from tests.http import refusals

MARKER = "Zq7-marker-9Xw"
SIGN_IN = {"username": "zoe", "password": PASSWORD}
# Pages answer in HTML: test_pages.py has the same test for them.
WITH_BODY = [e for e in ENDPOINTS if e.body and e.body.model_fields and HTML not in e.offered]
NEED_DATABASE = [e for e in ENDPOINTS if e.access in {Access.SIGNED_IN, Access.ADMIN}]


def name_of(endpoint: AnyEndpoint) -> str:
    return endpoint.name


def path(endpoint: AnyEndpoint) -> str:
    with_ids = re.sub(r"{\w*id}", "00000000-0000-7000-8000-000000000000", endpoint.path)
    return re.sub(r"{\w+}", "unknown", with_ids)


async def test_errors_of_the_framework_are_problems(client: httpx2.AsyncClient) -> None:
    refusals.problem(await client.get("/nowhere"), 404, "path_not_found")
    refusals.problem(await client.get("/users/not-an-id"), 404, "path_not_found")
    answer = await client.put("/users", json={})
    assert refusals.problem(answer, 405, "method_not_allowed")["instance"] == "/api/users"


@pytest.mark.parametrize("kind", [ZeroDivisionError, OSError, RecursionError, KeyError])
async def test_check_44_an_internal_error_reveals_nothing(
    client: httpx2.AsyncClient,
    store: FakeStore,
    caplog: pytest.LogCaptureFixture,
    kind: type[Exception],
) -> None:
    store.broken = kind("only for the log")
    answer = await client.post("/auth/token", json=SIGN_IN)
    document = refusals.problem(answer, 500, "internal_error")
    assert document["detail"] == InternalError.message()
    assert document["error"] == "temporarily_unavailable"
    assert kind.__name__ not in answer.text
    assert "only for the log" in caplog.text
    assert PASSWORD not in caplog.text


@pytest.mark.parametrize("endpoint", NEED_DATABASE, ids=name_of)
async def test_an_unavailable_database_is_503_and_never_401(
    client: httpx2.AsyncClient, store: FakeStore, sign_up: SignUp, endpoint: AnyEndpoint
) -> None:
    admin = await sign_up("ada", is_superuser=True)
    store.broken = Unavailable()
    answer = await client.request(endpoint.method, path(endpoint), headers=admin.headers)
    refusals.problem(answer, 503, "unavailable")
    assert int(answer.headers["retry-after"]) > 0
    store.broken = None
    assert (await client.get("/users/me", headers=admin.headers)).status_code == 200


async def test_a_sign_in_during_an_outage_is_503_and_not_a_wrong_password(
    client: httpx2.AsyncClient, store: FakeStore
) -> None:
    store.broken = Unavailable()
    document = refusals.problem(await client.post("/auth/token", json=SIGN_IN), 503, "unavailable")
    assert document["error"] == "temporarily_unavailable"


async def test_a_body_that_does_not_arrive_is_408(services: Services) -> None:
    async def slow() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(60)

    options = HttpOptions(limits=BodyLimits(1 << 20, 0.05), cursor_keys=(b"c" * 32,))
    transport = httpx2.ASGITransport(build_app(services, options, InFlightRequests()))
    async with httpx2.AsyncClient(transport=transport, base_url="http://api.test") as client:
        headers = {"Content-Type": "application/json"}
        answer = await client.post("/users", content=slow(), headers=headers)
    refusals.problem(answer, 408, "body_too_slow")


def without_path(answer: httpx2.Response) -> str:
    """Body and headers of a response; `instance` may repeat the path."""
    document = answer.json()
    document.pop("instance")
    return f"{document} {answer.headers}"


def bodies(endpoint: AnyEndpoint) -> list[dict[str, Any]]:
    """The marker in all members at once, in each alone, and in a body of a wrong type."""
    assert endpoint.body is not None
    names = [field.alias or name for name, field in endpoint.body.model_fields.items()]
    alone = [{**endpoint.example, name: MARKER} for name in names]
    shapes = [{**endpoint.example, name: [{MARKER: MARKER}]} for name in names]
    long = [{**endpoint.example, name: MARKER * 1000} for name in names]
    return [dict.fromkeys(names, MARKER), *alone, *shapes, *long, {"unknown": MARKER}]


@pytest.mark.parametrize("endpoint", WITH_BODY, ids=name_of)
async def test_check_42_no_refusal_repeats_a_value_of_the_body(
    client: httpx2.AsyncClient,
    sign_up: SignUp,
    caplog: pytest.LogCaptureFixture,
    endpoint: AnyEndpoint,
) -> None:
    admin = await sign_up("ada", is_superuser=True)
    for body in bodies(endpoint):
        media = {"Content-Type": endpoint.media[0]}
        if endpoint.media[0].endswith("json"):
            sent: dict[str, Any] = {"json": body, "headers": admin.headers | media}
        else:
            sent = {"data": body, "headers": admin.headers}
        answer = await client.request(endpoint.method, path(endpoint), **sent)
        assert answer.is_success or answer.is_client_error, answer.text
        assert MARKER not in without_names(answer), answer.text
    assert MARKER not in caplog.text


def without_names(answer: httpx2.Response) -> str:
    """Pointers of violations may contain member names of the body."""
    if answer.is_success:
        return ""
    document = answer.json()
    for violation in document.get("errors", []):
        violation.pop("pointer")
    return f"{document} {answer.headers}"


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=name_of)
async def test_no_refusal_repeats_a_token_or_a_query(
    client: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture, endpoint: AnyEndpoint
) -> None:
    target = f"{path(endpoint)}?cursor={MARKER}&q={MARKER}%00&limit={MARKER}"
    for scheme in ("Bearer ", "Basic ", "", "Bearer  "):
        headers = {"Authorization": scheme + MARKER, "Cookie": MARKER, "X-Request-ID": f"{MARKER} "}
        answer = await client.request(endpoint.method, target, headers=headers)
        assert 400 <= answer.status_code < 500, answer.text
        assert MARKER not in without_path(answer)
    assert MARKER not in caplog.text


def test_every_error_has_a_status_and_its_own_code() -> None:
    kinds = _kinds(DomainError)
    assert len({kind.code for kind in kinds}) == len(kinds)
    for kind in kinds:
        assert 400 <= status_of(kind) <= 503, kind
    assert set(STATUSES) <= kinds


def _kinds(kind: type[DomainError]) -> set[type[DomainError]]:
    """All error classes below the root, which is never raised."""
    found: set[type[DomainError]] = set()
    for child in kind.__subclasses__():
        found |= {child} | _kinds(child)
    return {each for each in found if "code" in vars(each)}


def test_a_detail_may_be_more_specific_than_its_title() -> None:
    document = json.loads(
        bytes(problem(Unavailable("PostgreSQL does not answer."), "id", "/").body)
    )
    assert document["title"] == Unavailable.message()
    assert document["detail"] == "PostgreSQL does not answer."
