"""Home, health and metrics endpoints."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx2
import pytest

from jubilee import __version__
from jubilee.domain.errors import Unavailable
from jubilee.domain.health import HealthService, SchemaStatus
from jubilee.domain.services import Services
from jubilee.entrypoints.http.app import HttpOptions, build_app
from jubilee.entrypoints.http.framework.context import BodyLimits, InFlightRequests
from tests.http.refusals import problem


@asynccontextmanager
async def serving(
    services: Services,
    schema: SchemaStatus | None,
    *,
    redis: bool = True,
    mail: bool = True,
    draining: bool = False,
) -> AsyncIterator[httpx2.AsyncClient]:
    """Open a client of an instance whose dependencies are in this state."""

    async def read_schema() -> SchemaStatus:
        if schema is None:
            raise Unavailable
        return schema

    async def ping_redis() -> bool:
        return redis

    in_flight = InFlightRequests()
    in_flight.draining = draining
    options = HttpOptions(limits=BodyLimits(1 << 20, 5), cursor_keys=(b"c" * 32,))
    health = HealthService(read_schema, ping_redis, mail)
    app = build_app(replace(services, health=health), options, in_flight)
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app), base_url="http://api.test"
    ) as client:
        yield client


async def test_home_names_the_service_and_its_links(client: httpx2.AsyncClient) -> None:
    home = (await client.get("/")).json()
    assert (home["name"], home["version"]) == ("Jubilee", __version__)
    for link in home["links"].values():
        assert (await client.get(f"http://api.test{link}")).status_code == 200


async def test_a_running_process_is_live(services: Services) -> None:
    async with serving(services, None, redis=False, draining=True) as client:
        answer = await client.get("/health/live")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "checks": {}})


@pytest.mark.parametrize("path", ["/health", "/health/ready"])
@pytest.mark.parametrize("schema", [SchemaStatus.CURRENT, SchemaStatus.AHEAD])
@pytest.mark.parametrize(("redis", "word"), [(True, "ok"), (False, "degraded")])
async def test_a_usable_database_is_ready_with_or_without_redis(
    services: Services, path: str, schema: SchemaStatus, redis: bool, word: str
) -> None:
    async with serving(services, schema, redis=redis) as client:
        answer = await client.get(path)
    assert answer.status_code == 200
    checks = {"postgres": "ok", "schema": schema.value, "redis": word}
    assert answer.json() == {"status": "ok", "checks": checks}


@pytest.mark.parametrize("path", ["/health", "/health/ready", "/health/db"])
@pytest.mark.parametrize(
    ("schema", "checks"),
    [
        (None, {"postgres": "unavailable"}),
        (SchemaStatus.BEHIND, {"postgres": "ok", "schema": "behind"}),
    ],
)
async def test_a_missing_or_outdated_database_is_not_ready(
    services: Services, path: str, schema: SchemaStatus | None, checks: dict[str, str]
) -> None:
    async with serving(services, schema) as client:
        answer = await client.get(path)
    found = problem(answer, 503, "not_ready")["checks"]
    assert {name: state for name, state in found.items() if name != "redis"} == checks
    assert int(answer.headers["retry-after"]) > 0


async def test_a_service_without_a_mail_server_is_ready(services: Services) -> None:
    async with serving(services, SchemaStatus.CURRENT, mail=False) as client:
        answer = await client.get("/health/ready")
    assert (answer.status_code, answer.json()["checks"]["mail"]) == (200, "not configured")


async def test_a_draining_service_is_not_ready_but_its_database_is(services: Services) -> None:
    async with serving(services, SchemaStatus.CURRENT, draining=True) as client:
        checks = problem(await client.get("/health/ready"), 503, "not_ready")["checks"]
        assert checks["service"] == "draining"
        assert (await client.get("/health/db")).status_code == 200
