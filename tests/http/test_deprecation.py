"""Deprecated and removed endpoints."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from jubilee.domain.services import Services
from jubilee.entrypoints.http.docs.openapi import document
from jubilee.entrypoints.http.framework.context import ApiContext, BodyLimits, InFlightRequests
from jubilee.entrypoints.http.framework.cursors import Cursors
from jubilee.entrypoints.http.framework.deprecation import Deprecation
from jubilee.entrypoints.http.framework.edge import EdgeMiddleware
from jubilee.entrypoints.http.framework.endpoint import AnyEndpoint
from jubilee.entrypoints.http.framework.resource import PreparedEndpoint, Resource
from jubilee.entrypoints.http.registry import ENDPOINTS
from tests.http.references import resolved
from tests.http.refusals import problem

SINCE = datetime(2025, 1, 1, tzinfo=UTC)
PAGE = "https://docs.example/moved"
LATER = datetime.now(UTC) + timedelta(days=400)
HOME = next(endpoint for endpoint in ENDPOINTS if endpoint.name == "home")


def deprecated(sunset: datetime | None) -> AnyEndpoint:
    return replace(HOME, deprecation=Deprecation(since=SINCE, sunset=sunset, page=PAGE))


@asynccontextmanager
async def serving(services: Services, endpoint: AnyEndpoint) -> AsyncIterator[httpx2.AsyncClient]:
    in_flight = InFlightRequests()
    context = ApiContext(services, Cursors(b"c" * 32), BodyLimits(1 << 20, 5), in_flight)
    app = EdgeMiddleware(Resource([PreparedEndpoint.of(endpoint)], context).respond, in_flight)
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://api.test") as client:
        yield client


async def test_a_deprecated_endpoint_says_since_when(services: Services) -> None:
    async with serving(services, deprecated(None)) as client:
        answer = await client.get("/")
    assert (answer.status_code, answer.headers["deprecation"]) == (200, "@1735689600")
    assert answer.headers["link"] == f'<{PAGE}>; rel="deprecation"; type="text/html"'
    assert "sunset" not in answer.headers


async def test_a_sunset_is_announced_by_every_response(services: Services) -> None:
    sunset = datetime(2100, 6, 30, 22, 0, tzinfo=UTC)
    async with serving(services, deprecated(sunset)) as client:
        for query, status in (("", 200), ("?x=1", 422)):
            answer = await client.get(f"/{query}")
            assert answer.status_code == status
            assert answer.headers["sunset"] == "Wed, 30 Jun 2100 22:00:00 GMT"
            links = answer.headers.get_list("link")
            assert [link.partition("rel=")[2].split(";")[0] for link in links] == [
                '"deprecation"',
                '"sunset"',
            ]


async def test_a_removed_endpoint_is_410(services: Services) -> None:
    async with serving(services, deprecated(SINCE)) as client:
        answer = await client.get("/")
    problem(answer, 410, "endpoint_removed")
    assert answer.headers["deprecation"] == "@1735689600"


def test_nothing_is_removed_before_it_is_deprecated() -> None:
    with pytest.raises(ValueError, match="not removed before"):
        Deprecation(since=SINCE, sunset=SINCE - timedelta(days=1), page=PAGE)


def test_the_document_marks_a_deprecated_operation() -> None:
    whole = document([deprecated(LATER), *(e for e in ENDPOINTS if e.name == "healthLive")])
    operation, live = whole["paths"]["/"]["get"], whole["paths"]["/health/live"]["get"]
    assert (operation["deprecated"], "deprecated" in live) == (True, False)
    headers = resolved(operation["responses"]["200"], whole)["headers"]
    assert {"Deprecation", "Sunset"} <= headers.keys()
    assert "410" in operation["responses"]
