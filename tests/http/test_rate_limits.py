"""Rate limits of requests over HTTP."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network

import httpx2
import pytest

from jubilee.adapters.telemetry.http import HttpTelemetry
from jubilee.adapters.telemetry.instruments import Instruments
from jubilee.domain.rate_limits.limiter import RateLimiter
from jubilee.domain.rate_limits.quotas import Quota, RouteClass
from jubilee.domain.services import Services
from jubilee.entrypoints.http.app import HttpOptions, build_app
from jubilee.entrypoints.http.framework.client_address import TrustedProxies
from jubilee.entrypoints.http.framework.context import BodyLimits, InFlightRequests
from jubilee.entrypoints.http.framework.edge import EdgeRules
from jubilee.entrypoints.http.framework.endpoint import Access
from jubilee.entrypoints.http.registry import ENDPOINTS
from tests.conftest import PASSWORD, SignUp
from tests.fakes.quotas import FakeQuotaStore
from tests.http.generated_document import DOCUMENT
from tests.http.references import resolved

PROBLEM_TYPE = "https://iana.org/assignments/http-problem-types#quota-exceeded"
QUOTAS = {
    RouteClass.SIGN_IN: Quota(2, 60),
    RouteClass.REGISTER: Quota(2, 60),
    RouteClass.WRITE: Quota(3, 60),
    RouteClass.READ: Quota(3, 60),
    RouteClass.ANONYMOUS: Quota(4, 60),
}


@asynccontextmanager
async def calling(
    services: Services, instruments: Instruments | None = None
) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of an API with small quotas, behind a trusted proxy."""
    options = HttpOptions(
        limits=BodyLimits(1 << 20, 5),
        cursor_keys=(b"c" * 32,),
        edge=EdgeRules(TrustedProxies((ip_network("127.0.0.0/8"),))),
        meter=HttpTelemetry(instruments or Instruments("1"), None),
        rate_limiter=RateLimiter(QUOTAS, FakeQuotaStore(), lambda: 60_000.0),
    )
    transport = httpx2.ASGITransport(build_app(services, options, InFlightRequests()))
    async with httpx2.AsyncClient(transport=transport, base_url="http://api.test/api") as client:
        yield client


@pytest.fixture
async def client(services: Services) -> AsyncIterator[httpx2.AsyncClient]:
    async with calling(services) as client:
        yield client


def origin(address: str) -> dict[str, str]:
    return {"X-Forwarded-For": address}


async def test_every_limited_answer_says_what_is_left(client: httpx2.AsyncClient) -> None:
    answers = [await client.get("/hello/Zoe") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [404] * 4 + [429]
    assert {answer.headers["ratelimit-policy"] for answer in answers} == {'"anonymous";q=4;w=60'}
    left = [answer.headers["ratelimit"] for answer in answers]
    assert left == [f'"anonymous";r={r};t=60' for r in (3, 2, 1, 0, 0)]


async def test_a_refusal_is_the_problem_of_the_draft(client: httpx2.AsyncClient) -> None:
    *_, answer = [await client.get("/hello/Zoe") for _ in range(5)]
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["type"], problem["code"]) == (PROBLEM_TYPE, "rate_limited")
    assert problem["violated-policies"] == ["anonymous"]
    reset_s = int(re.findall(r"t=(\d+)", answer.headers["ratelimit"])[0])
    assert int(answer.headers["retry-after"]) >= reset_s
    page = await client.get("/problems/rate_limited", headers=origin("192.0.2.9"))
    assert page.status_code == 200


async def test_users_have_their_own_quotas_wherever_they_are(
    client: httpx2.AsyncClient, sign_up: SignUp
) -> None:
    zoe, max_ = await sign_up("zoe"), await sign_up("max")
    found = [
        (await client.get("/users/me", headers=zoe.headers | origin(f"192.0.2.{n}"))).status_code
        for n in range(4)
    ]
    assert found == [200] * 3 + [429]
    assert (await client.get("/users/me", headers=max_.headers)).status_code == 200
    assert (await client.post("/items", headers=zoe.headers, json={"title": "A"})).is_success


async def test_anonymous_clients_are_counted_by_address_and_ipv6_by_network(
    client: httpx2.AsyncClient,
) -> None:
    for number in range(4):
        await client.get("/hello/Zoe", headers=origin(f"2001:db8::{number:x}"))
    found = {}
    for address in ("2001:db8::ffff", "2001:db8:0:1::1", "192.0.2.1"):
        found[address] = (await client.get("/hello/Zoe", headers=origin(address))).status_code
    assert found == {"2001:db8::ffff": 429, "2001:db8:0:1::1": 404, "192.0.2.1": 404}


async def test_sign_ins_and_registrations_have_quotas_of_their_own(
    client: httpx2.AsyncClient,
) -> None:
    form = {"username": "zoe", "password": PASSWORD}
    signed_in = [await client.post("/auth/token", data=form) for _ in range(3)]
    assert [answer.status_code for answer in signed_in] == [400, 400, 429]
    assert signed_in[-1].json()["error"] == "invalid_request"
    bodies = [{"email": f"zoe{n}@example.com", "password": PASSWORD} for n in range(3)]
    registered = [await client.post("/users", json=body) for body in bodies]
    assert [answer.status_code for answer in registered] == [201, 201, 429]


async def test_failed_authentications_count_as_anonymous_requests(
    client: httpx2.AsyncClient,
) -> None:
    garbage = {"Authorization": "Bearer garbage"}
    found = [(await client.get("/users/me", headers=garbage)).status_code for _ in range(5)]
    assert found == [401] * 4 + [429]


async def test_probes_are_not_limited(client: httpx2.AsyncClient) -> None:
    answers = [await client.get("/health/live") for _ in range(20)]
    assert {answer.status_code for answer in answers} == {200}
    assert not any("ratelimit" in answer.headers for answer in answers)


async def test_refusals_are_counted_by_policy(services: Services) -> None:
    instruments = Instruments("1")
    async with calling(services, instruments) as client:
        for _ in range(6):
            await client.get("/hello/Zoe")
    value = instruments.registry.get_sample_value
    assert value("http_requests_limited_total", {"policy": "anonymous"}) == 2


def test_the_class_of_a_route_follows_from_its_method_and_access() -> None:
    found = {endpoint.name: endpoint.route_class for endpoint in ENDPOINTS}
    assert found["createToken"] == found["signIn"] == RouteClass.SIGN_IN
    assert found["register"] == found["createUser"] == RouteClass.REGISTER
    assert {found[name] for name in ("greet", "getOpenApi")} == {RouteClass.ANONYMOUS}
    assert {found[name] for name in ("getItem", "listUsers")} == {RouteClass.READ}
    assert {found[name] for name in ("saveBirthday", "createItem")} == {RouteClass.WRITE}
    unlimited = {endpoint.path for endpoint in ENDPOINTS if endpoint.route_class is None}
    assert unlimited == {"/metrics", "/health", "/health/live", "/health/ready", "/health/db"}


def test_the_document_names_class_headers_and_problem_of_every_limited_route() -> None:
    for endpoint in ENDPOINTS:
        if not endpoint.documented:
            continue
        operation = DOCUMENT["paths"][endpoint.path][endpoint.method.lower()]
        assert operation.get("x-rate-limit-class") == endpoint.route_class
        answers = [resolved(answer, DOCUMENT) for answer in operation["responses"].values()]
        limited = endpoint.route_class is not None
        for name in ("RateLimit", "RateLimit-Policy"):
            assert all((name in answer["headers"]) == limited for answer in answers)
        assert ("429" in operation["responses"]) == limited
    assert any(endpoint.access is Access.ADMIN for endpoint in ENDPOINTS)
