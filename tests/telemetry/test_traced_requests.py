"""What the instrumentation is shown of a request, and so what it can tell."""

import httpx2
import pytest
from starlette.types import Receive, Scope, Send

from jubilee.adapters.telemetry.traced_requests import TracedRequests
from jubilee.entrypoints.http.framework.context import InFlightRequests
from jubilee.entrypoints.http.framework.edge import EdgeMiddleware
from tests.telemetry.memory import Memory, attributes, everything

CAPTURE = "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_"
SECRET = "Bearer hunter2"


async def app(_: Scope, __: Receive, send: Send) -> None:
    """Sets a cookie."""
    headers = [(b"set-cookie", SECRET.encode())]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


async def test_no_variable_makes_it_tell_headers(
    monkeypatch: pytest.MonkeyPatch, memory: Memory
) -> None:
    monkeypatch.setenv(f"{CAPTURE}REQUEST", ".*")
    monkeypatch.setenv(f"{CAPTURE}RESPONSE", ".*")
    traced = TracedRequests(EdgeMiddleware(app, InFlightRequests()), memory.tracing())
    transport = httpx2.ASGITransport(traced, client=("192.0.2.7", 50_000))
    async with httpx2.AsyncClient(transport=transport, base_url="http://api.test") as client:
        answer = await client.get("/", headers={"Authorization": SECRET, "User-Agent": "test"})
    said = attributes(memory.one("GET unmatched"))
    assert answer.headers["Set-Cookie"] == SECRET
    assert SECRET not in everything(memory.one("GET unmatched"))
    assert (said["user_agent.original"], said["client.address"]) == ("test", "192.0.2.7")
    assert "client.port" not in said
