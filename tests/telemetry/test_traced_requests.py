"""The parts of a request that the instrumentation can record."""

from ipaddress import ip_network

import httpx2
import pytest
from starlette.requests import Request
from starlette.responses import Response

from jubilee.adapters.telemetry.traced_requests import TracedRequests
from jubilee.entrypoints.http.framework.client_address import TrustedProxies
from jubilee.entrypoints.http.framework.context import InFlightRequests
from jubilee.entrypoints.http.framework.edge import EdgeMiddleware, EdgeRules
from jubilee.observation.requests import RequestRecord
from tests.telemetry.memory import Memory, as_text, attributes

CAPTURE = "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_"
SECRET = "Bearer hunter2"


async def respond(_: Request, __: RequestRecord) -> Response:
    """Answer with a cookie."""
    return Response(status_code=204, headers={"set-cookie": SECRET})


async def test_no_variable_makes_spans_record_headers(
    monkeypatch: pytest.MonkeyPatch, memory: Memory
) -> None:
    monkeypatch.setenv(f"{CAPTURE}REQUEST", ".*")
    monkeypatch.setenv(f"{CAPTURE}RESPONSE", ".*")
    traced = TracedRequests(EdgeMiddleware(respond, InFlightRequests()), memory.tracing())
    transport = httpx2.ASGITransport(traced, client=("192.0.2.7", 50_000))
    async with httpx2.AsyncClient(transport=transport, base_url="http://api.test") as client:
        answer = await client.get("/", headers={"Authorization": SECRET, "User-Agent": "test"})
    found = attributes(memory.one("GET unmatched"))
    assert answer.headers["Set-Cookie"] == SECRET
    assert SECRET not in as_text(memory.one("GET unmatched"))
    assert (found["user_agent.original"], found["client.address"]) == ("test", "192.0.2.7")
    assert "client.port" not in found


async def test_a_span_has_the_address_that_a_trusted_proxy_forwards(memory: Memory) -> None:
    proxies = TrustedProxies([ip_network("10.0.0.0/8")])
    edge = EdgeMiddleware(respond, InFlightRequests(), rules=EdgeRules(proxies))
    transport = httpx2.ASGITransport(TracedRequests(edge, memory.tracing()), client=("10.0.0.1", 1))
    async with httpx2.AsyncClient(transport=transport, base_url="http://api.test") as client:
        await client.get("/", headers={"X-Forwarded-For": "192.0.2.7"})
    assert attributes(memory.one("GET unmatched"))["client.address"] == "192.0.2.7"
