"""The names under which the API is called, and the links that it makes."""

from collections.abc import AsyncIterator

import httpx2
import pytest

from jubilee.domain.outbound.address_policy import AllowedHost
from jubilee.domain.services import Services
from jubilee.entrypoints.http.app import HttpOptions, build_app
from jubilee.entrypoints.http.framework.context import BodyLimits, InFlightRequests, PublicInfo
from tests.fakes.store import FakeStore
from tests.http.refusals import problem

HOSTS = ("api.example", "*.inner.example", "[::1]:8000")
ACCEPTED = ["api.example", "API.example.", "api.example:8443", "a.b.inner.example", "[::1]:8000"]
REFUSED = [
    *("evil.example", "api.example.evil.example", "xapi.example", "inner.example", "[::1]"),
    *("", "api.example:x", "api.example, evil.example", "user@api.example", "api.example/x", "é"),
]
PUBLIC_URL = "https://api.example/service"


@pytest.fixture
async def known(services: Services) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the API with trusted hosts and a public URL."""
    options = HttpOptions(
        limits=BodyLimits(1 << 20, 5),
        cursor_keys=(b"c" * 32,),
        hosts=[AllowedHost.parse(host) for host in HOSTS],
        public=PublicInfo(PUBLIC_URL),
    )
    transport = httpx2.ASGITransport(build_app(services, options, InFlightRequests()))
    async with httpx2.AsyncClient(transport=transport, base_url="http://api.example") as client:
        yield client


@pytest.mark.parametrize("host", ACCEPTED)
async def test_a_trusted_host_is_served(known: httpx2.AsyncClient, host: str) -> None:
    assert (await known.get("/", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize("host", REFUSED)
async def test_another_host_is_421(known: httpx2.AsyncClient, host: str) -> None:
    for path in ("/", "/api/users/me", "/nowhere", "/healthy"):
        answer = await known.get(path, headers=[(b"Host", host.encode("latin-1"))])
        problem(answer, 421, "unknown_host")


@pytest.mark.parametrize("path", ["/health", "/health/live", "/api/health/ready", "/health/db"])
async def test_health_is_checked_under_any_host(known: httpx2.AsyncClient, path: str) -> None:
    assert (await known.get(path, headers={"Host": "10.0.0.7:8000"})).status_code == 200


async def test_without_trusted_hosts_any_is_served(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/", headers={"Host": "evil.example"})).status_code == 200


async def test_the_document_names_the_public_url(known: httpx2.AsyncClient) -> None:
    document = (await known.get("/openapi.json")).json()
    flows = document["components"]["securitySchemes"]["password"]["flows"]
    assert document["servers"] == [{"url": f"{PUBLIC_URL}/api"}]
    assert flows["password"]["tokenUrl"] == f"{PUBLIC_URL}/api/auth/token"


FORGED = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "Forwarded": "host=evil"}


async def test_check_17_no_link_is_made_from_a_forged_host(
    client: httpx2.AsyncClient, store: FakeStore
) -> None:
    body = {"email": "zoe@example.com", "username": "zoe", "password": "correct horse battery"}
    created = await client.post("/users", json=body, headers=FORGED)
    assert created.headers["location"].startswith("/api/users/")
    answers = [
        created,
        *[await client.get(path, headers=FORGED) for path in ("/", "/openapi.json")],
    ]
    assert "evil" not in "".join(f"{answer.headers}{answer.text}" for answer in answers)
    assert store.tasks
    assert "evil" not in str(store.tasks)
