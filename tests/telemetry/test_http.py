"""Tracing of requests: one sampling decision, and no secrets."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from starlette.types import ASGIApp

from jubilee.adapters.ids import new_id
from jubilee.adapters.telemetry.access_log import AccessLog
from jubilee.adapters.telemetry.http import HttpTelemetry
from jubilee.adapters.telemetry.instruments import Instruments
from jubilee.adapters.telemetry.jobs import JobTracePropagator
from jubilee.adapters.telemetry.sampling import (
    sampling_decision,
)
from jubilee.adapters.telemetry.traced_requests import TracedRequests
from jubilee.adapters.telemetry.tracing import Tracing, current_ids
from jubilee.domain.services import Services
from jubilee.entrypoints.http.app import HttpOptions, build_app
from jubilee.entrypoints.http.framework.context import BodyLimits, InFlightRequests
from tests.telemetry.memory import (
    Lines,
    Memory,
    as_text,
    attributes,
    context,
    is_failed,
    parent_id,
)
from tests.telemetry.sampled_requests import (
    HEADER,
    PARENT,
    SAMPLED,
    TRACE,
    UNSAMPLED,
    nothing,
    serving,
)

SECRET = "hunter2 of zoe@example.com"


@asynccontextmanager
async def calling(
    services: Services, tracing: Tracing, lines: Lines | None = None
) -> AsyncIterator[httpx2.AsyncClient]:
    """Open a client of the whole API with tracing."""

    def trace(app: ASGIApp) -> ASGIApp:
        return TracedRequests(app, tracing)

    log = AccessLog(lines.logs) if lines else None
    meter = HttpTelemetry(Instruments("1"), log)
    options = HttpOptions(
        limits=BodyLimits(1000, 5), cursor_keys=(b"c" * 32,), meter=meter, trace=trace
    )
    transport = httpx2.ASGITransport(build_app(services, options, InFlightRequests()))
    async with httpx2.AsyncClient(transport=transport, base_url="http://api.test") as client:
        yield client
    meter.flush()


def broken(services: Services) -> Services:
    """Return services that fail with an error that quotes a secret."""

    def read() -> Any:
        raise ValueError(SECRET)

    return replace(services, birthdays=replace(services.birthdays, read=read))


@pytest.mark.parametrize("name", ["user-agent", "host", "tracestate", "baggage", "content-length"])
async def test_headers_that_are_not_text_do_not_break_a_request(
    tracing: Tracing, memory: Memory, name: str
) -> None:
    async with serving(tracing, nothing) as client:
        answer = await client.get("/", headers={name.encode(): b"\xff\\x", HEADER: SAMPLED})
    assert answer.status_code == 204
    assert parent_id(memory.one("GET unmatched")) == PARENT


@pytest.mark.parametrize("header", [SAMPLED, UNSAMPLED, b""])
async def test_lines_and_jobs_have_the_trace_ids_of_the_request(
    tracing: Tracing, memory: Memory, header: bytes
) -> None:
    received: list[Any] = []

    async def work() -> None:
        received.extend(
            (sampling_decision.get(), current_ids(), JobTracePropagator(tracing).current())
        )

    async with serving(tracing, work) as client:
        await client.get("/", headers={HEADER: header} if header else {})
    decided, ids, row = received
    assert ids == (decided.trace_id, decided.span_id, decided.sampled)
    bare, _, flags = row["traceparent"].rpartition("-")
    assert bare == f"00-{ids[0]:032x}-{ids[1]:016x}"
    assert int(flags, 16) & 1 == decided.sampled
    assert [(context(s).trace_id, context(s).span_id) for s in memory.spans] == (
        [ids[:2]] if decided.sampled else []
    )


async def test_a_request_that_is_not_sampled_builds_no_span(
    tracing: Tracing, memory: Memory
) -> None:
    contexts = []

    async def work() -> None:
        with JobTracePropagator(tracing).for_job("echo", new_id()) as row:
            contexts.append(row)

    async with serving(tracing, work) as client:
        await client.get("/", headers={HEADER: UNSAMPLED})
    (row,) = contexts
    assert row is not None
    assert row["traceparent"].startswith(f"00-{TRACE:032x}-")
    assert row["traceparent"].endswith("-00")
    assert memory.spans == []


async def test_a_span_is_named_by_method_and_route(
    services: Services, tracing: Tracing, memory: Memory
) -> None:
    async with calling(services, tracing) as client:
        for mount in ("", "/api", "/v1/api"):
            await client.get(f"{mount}/hello/Zoe")
    assert memory.names == ["GET /hello/{username}"] * 3
    found = attributes(memory.spans[1])
    assert (found["http.request.method"], found["http.route"]) == ("GET", "/hello/{username}")
    assert (found["http.response.status_code"], found["url.path"]) == (404, "/api/hello/Zoe")
    assert found["server.address"] == "api.test"
    assert not is_failed(memory.spans[1])


async def test_a_query_is_redacted(services: Services, tracing: Tracing, memory: Memory) -> None:
    async with calling(services, tracing) as client:
        await client.get("/hello/Zoe?token=hunter2")
        await client.get("/hello/Zoe")
    with_query, plain = memory.spans
    assert "hunter2" not in as_text(with_query)
    assert attributes(with_query)["url.query"] == "REDACTED"
    assert "url.query" not in attributes(plain)


async def test_a_failed_request_has_the_same_fingerprint_in_span_and_line(
    services: Services, tracing: Tracing, memory: Memory, lines: Lines
) -> None:
    async with calling(broken(services), tracing, lines) as client:
        assert (await client.get("/hello/Zoe")).status_code == 500
    span, line = memory.one("GET /hello/{username}"), lines.one("request failed")
    (event,) = span.events
    found = dict(event.attributes or {})
    assert (event.name, found["exception.type"], is_failed(span)) == (
        "exception",
        "ValueError",
        True,
    )
    assert found["exception.fingerprint"] == line["fingerprint"]
    assert line["trace_id"] == f"{context(span).trace_id:032x}"
    assert line["span_id"] == f"{context(span).span_id:016x}"


async def test_the_message_of_an_exception_is_in_neither_span_nor_line(
    services: Services, tracing: Tracing, memory: Memory, lines: Lines
) -> None:
    async with calling(broken(services), tracing, lines) as client:
        await client.get("/hello/Zoe")
    assert "in read" in lines.one("request failed")["exception"]
    assert SECRET not in lines.path.read_text()
    assert SECRET not in as_text(memory.one("GET /hello/{username}"))


@pytest.mark.parametrize("header", [SAMPLED, UNSAMPLED])
async def test_the_access_line_has_the_trace_id_of_sampled_and_unsampled_requests(
    services: Services, tracing: Tracing, lines: Lines, header: bytes
) -> None:
    async with calling(services, tracing, lines) as client:
        await client.get("/hello/Zoe", headers={HEADER: header})
    assert lines.one("request")["trace_id"] == f"{TRACE:032x}"
