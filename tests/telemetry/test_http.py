"""Tracing of requests: one sampling decision, and no secrets."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from random import getrandbits
from typing import Any

import httpx2
import pytest
from opentelemetry.sdk.trace.sampling import (
    Decision,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)
from opentelemetry.trace import SpanKind
from starlette.types import ASGIApp, Receive, Scope, Send

from jubilee.adapters.ids import new_id
from jubilee.adapters.telemetry.access_log import AccessLog
from jubilee.adapters.telemetry.http import HttpTelemetry
from jubilee.adapters.telemetry.instruments import Instruments
from jubilee.adapters.telemetry.jobs import JobTracePropagator
from jubilee.adapters.telemetry.sampling import (
    LOW_HALF,
    PredecidedSampler,
    is_sampled,
    sampling_decision,
    threshold,
)
from jubilee.adapters.telemetry.traced_requests import TracedRequests
from jubilee.adapters.telemetry.tracing import Tracing, current_ids
from jubilee.domain.services import Services
from jubilee.entrypoints.http.app import HttpOptions, build_app
from jubilee.entrypoints.http.framework.context import BodyLimits, InFlightRequests
from jubilee.entrypoints.http.framework.edge import EdgeMiddleware
from tests.telemetry.memory import (
    Lines,
    Memory,
    as_text,
    attributes,
    context,
    is_failed,
    parent_id,
)

SAMPLED = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
UNSAMPLED = SAMPLED[:-2] + b"00"
TRACE, PARENT = 0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331
HEADER = b"traceparent"
SECRET = "hunter2 of zoe@example.com"

Work = Callable[[], Awaitable[None]]


def sampling(monkeypatch: pytest.MonkeyPatch, memory: Memory, share: str) -> Tracing:
    """Return tracing with the recommended sampler and this share."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", share)
    return memory.tracing()


def serving(tracing: Tracing, work: Work) -> httpx2.AsyncClient:
    """Return a client of an application that runs `work` and answers 204."""

    async def app(_: Scope, __: Receive, send: Send) -> None:
        await work()
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    traced = TracedRequests(EdgeMiddleware(app, InFlightRequests()), tracing)
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(traced), base_url="http://api.test")


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


@dataclass(slots=True)
class RandomSampler(Sampler):
    """Sample at random, and count the calls."""

    calls: int = 0

    def should_sample(self, *_: Any, **__: Any) -> SamplingResult:
        self.calls += 1
        decision = Decision.RECORD_AND_SAMPLE if getrandbits(1) else Decision.DROP
        return SamplingResult(decision)

    def get_description(self) -> str:
        return "RandomSampler"


async def nothing() -> None:
    pass


def test_the_configured_share_is_sampled(monkeypatch: pytest.MonkeyPatch, memory: Memory) -> None:
    tracing = sampling(monkeypatch, memory, "0.05")
    sampled = sum(tracing.decide([]).sampled for _ in range(4000))
    assert 130 < sampled < 270  # five standard deviations


@pytest.mark.parametrize("kind", ["always_on", "always_off", "traceidratio"])
@pytest.mark.parametrize("parent", ["", "parentbased_"])
@pytest.mark.parametrize("share", ["0", "0.3", "1"])
def test_a_request_without_a_parent_is_decided_by_the_sampler(
    monkeypatch: pytest.MonkeyPatch, memory: Memory, kind: str, parent: str, share: str
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", parent + kind)
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", share)
    tracing = memory.tracing()
    for found in (tracing.decide([]) for _ in range(200)):
        assert found.sampled is is_sampled(tracing._configured, found.trace_id)


def test_a_predecided_sampler_names_the_configured_one() -> None:
    assert PredecidedSampler(TraceIdRatioBased(0.5)).get_description() == (
        "Predecided(TraceIdRatioBased{0.5})"
    )


@pytest.mark.parametrize("share", [0, 1e-9, 0.05, 0.5, 1])
def test_the_threshold_is_exact(share: float) -> None:
    sampler = TraceIdRatioBased(share)
    assert threshold(sampler) == sampler.bound


async def test_a_trace_is_sampled_completely_or_not_at_all(
    tracing: Tracing, memory: Memory
) -> None:
    sampler, decisions = RandomSampler(), []
    tracing._configured, tracing.provider.sampler = sampler, PredecidedSampler(sampler)
    tracing._threshold = LOW_HALF // 2

    async def work() -> None:
        tracing.record("SELECT users", {}, 0.001)
        with tracing.span("send mail", SpanKind.PRODUCER, {}):
            decisions.append(sampling_decision.get())

    async with serving(tracing, work) as client:
        for number in range(200):
            caller = f"00-{getrandbits(127) + 1:032x}-{PARENT:016x}-01"
            await client.get("/", headers={HEADER: caller.encode()} if number % 2 else None)
    stored = {v.trace_id for v in decisions if v and v.sampled}
    assert sampler.calls == 100
    assert 50 < len(stored) < 150
    for name in ("SELECT users", "send mail", "GET unmatched"):
        assert {context(s).trace_id for s in memory.spans if s.name == name} == stored
    assert len(memory.spans) == 3 * len(stored)


@pytest.mark.parametrize(("share", "header", "stored"), [("0", SAMPLED, 1), ("1", UNSAMPLED, 0)])
async def test_the_parents_sampling_decision_wins(
    monkeypatch: pytest.MonkeyPatch, memory: Memory, share: str, header: bytes, stored: int
) -> None:
    tracing = sampling(monkeypatch, memory, share)
    async with serving(tracing, nothing) as client:
        await client.get("/", headers={HEADER: header})
    assert [(context(s).trace_id, parent_id(s)) for s in memory.spans] == [(TRACE, PARENT)] * stored


@pytest.mark.parametrize(
    "header",
    [
        b"nonsense",
        b"\xff\xfe",
        b"\xff\\x",
        SAMPLED + b"-more",
        SAMPLED.upper(),
        b"ff" + SAMPLED[2:],
        b"00-" + b"0" * 32 + SAMPLED[35:],
        SAMPLED[:36] + b"0" * 16 + b"-01",
        b"a" * 5000,
    ],
)
async def test_an_invalid_traceparent_is_ignored(
    tracing: Tracing, memory: Memory, header: bytes
) -> None:
    async with serving(tracing, nothing) as client:
        assert (await client.get("/", headers={HEADER: header})).status_code == 204
    (server,) = memory.spans
    assert server.parent is None
    assert context(server).trace_id not in {0, TRACE}


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
