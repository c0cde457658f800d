"""Requests: sampled once, traced where sampled, and nobody's secrets in it."""

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
    attributes,
    context,
    everything,
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
    """What the README recommends, with another share."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", share)
    return memory.tracing()


def serving(tracing: Tracing, work: Work) -> httpx2.AsyncClient:
    """A client of an application that does some work and answers 204."""

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
    """A client of the whole API, traced."""

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
    """One that fails by a programmer's mistake, whose words quote what somebody sent."""

    def read() -> Any:
        raise ValueError(SECRET)

    return replace(services, birthdays=replace(services.birthdays, read=read))


@dataclass(slots=True)
class Coin(Sampler):
    """Never the same answer for sure, and it counts the questions."""

    asked: int = 0

    def should_sample(self, *_: Any, **__: Any) -> SamplingResult:
        self.asked += 1
        decision = Decision.RECORD_AND_SAMPLE if getrandbits(1) else Decision.DROP
        return SamplingResult(decision)

    def get_description(self) -> str:
        return "Coin"


async def nothing() -> None:
    pass


def test_the_share_that_is_asked_for_is_sampled(
    monkeypatch: pytest.MonkeyPatch, memory: Memory
) -> None:
    tracing = sampling(monkeypatch, memory, "0.05")
    sampled = sum(tracing.decide([]).sampled for _ in range(4000))
    assert 130 < sampled < 270  # five deviations


@pytest.mark.parametrize("kind", ["always_on", "always_off", "traceidratio"])
@pytest.mark.parametrize("whose", ["", "parentbased_"])
@pytest.mark.parametrize("share", ["0", "0.3", "1"])
def test_without_a_caller_it_decides_as_its_sampler_does(
    monkeypatch: pytest.MonkeyPatch, memory: Memory, kind: str, whose: str, share: str
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", whose + kind)
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", share)
    tracing = memory.tracing()
    for found in (tracing.decide([]) for _ in range(200)):
        assert found.sampled is is_sampled(tracing._configured, found.trace_id)


@pytest.mark.parametrize("share", [0, 1e-9, 0.05, 0.5, 1])
def test_the_threshold_is_exact(share: float) -> None:
    sampler = TraceIdRatioBased(share)
    assert threshold(sampler) == sampler.bound


async def test_what_is_sampled_is_sampled_whole(tracing: Tracing, memory: Memory) -> None:
    coin, verdicts = Coin(), []
    tracing._configured, tracing.provider.sampler = coin, PredecidedSampler(coin)
    tracing._threshold = LOW_HALF // 2

    async def work() -> None:
        tracing.record("SELECT users", {}, 0.001)
        with tracing.span("send mail", SpanKind.PRODUCER, {}):
            verdicts.append(sampling_decision.get())

    async with serving(tracing, work) as client:
        for number in range(200):
            caller = f"00-{getrandbits(127) + 1:032x}-{PARENT:016x}-01"
            await client.get("/", headers={HEADER: caller.encode()} if number % 2 else None)
    kept = {v.trace_id for v in verdicts if v and v.sampled}
    assert coin.asked == 100
    assert 50 < len(kept) < 150
    for name in ("SELECT users", "send mail", "GET unmatched"):
        assert {context(s).trace_id for s in memory.spans if s.name == name} == kept
    assert len(memory.spans) == 3 * len(kept)


@pytest.mark.parametrize(("share", "header", "kept"), [("0", SAMPLED, 1), ("1", UNSAMPLED, 0)])
async def test_the_caller_decides_where_there_is_one(
    monkeypatch: pytest.MonkeyPatch, memory: Memory, share: str, header: bytes, kept: int
) -> None:
    tracing = sampling(monkeypatch, memory, share)
    async with serving(tracing, nothing) as client:
        await client.get("/", headers={HEADER: header})
    assert [(context(s).trace_id, parent_id(s)) for s in memory.spans] == [(TRACE, PARENT)] * kept


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
async def test_a_caller_who_cannot_be_read_is_ignored(
    tracing: Tracing, memory: Memory, header: bytes
) -> None:
    async with serving(tracing, nothing) as client:
        assert (await client.get("/", headers={HEADER: header})).status_code == 204
    (server,) = memory.spans
    assert server.parent is None
    assert context(server).trace_id not in {0, TRACE}


@pytest.mark.parametrize("name", ["user-agent", "host", "tracestate", "baggage", "content-length"])
async def test_headers_that_are_no_text_do_not_break_a_request(
    tracing: Tracing, memory: Memory, name: str
) -> None:
    async with serving(tracing, nothing) as client:
        answer = await client.get("/", headers={name.encode(): b"\xff\\x", HEADER: SAMPLED})
    assert answer.status_code == 204
    assert parent_id(memory.one("GET unmatched")) == PARENT


@pytest.mark.parametrize("header", [SAMPLED, UNSAMPLED, b""])
async def test_lines_and_rows_bear_the_ids_of_the_request(
    tracing: Tracing, memory: Memory, header: bytes
) -> None:
    seen: list[Any] = []

    async def work() -> None:
        seen.extend((sampling_decision.get(), current_ids(), JobTracePropagator(tracing).current()))

    async with serving(tracing, work) as client:
        await client.get("/", headers={HEADER: header} if header else {})
    decided, ids, row = seen
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


async def test_a_span_is_called_by_the_method_and_the_template(
    services: Services, tracing: Tracing, memory: Memory
) -> None:
    async with calling(services, tracing) as client:
        for mount in ("", "/api", "/v1/api"):
            await client.get(f"{mount}/hello/Zoe")
    assert memory.names == ["GET /hello/{username}"] * 3
    said = attributes(memory.spans[1])
    assert (said["http.request.method"], said["http.route"]) == ("GET", "/hello/{username}")
    assert (said["http.response.status_code"], said["url.path"]) == (404, "/api/hello/Zoe")
    assert said["server.address"] == "api.test"
    assert not is_failed(memory.spans[1])


async def test_a_query_stays_here(services: Services, tracing: Tracing, memory: Memory) -> None:
    async with calling(services, tracing) as client:
        await client.get("/hello/Zoe?token=hunter2")
        await client.get("/hello/Zoe")
    asked, plain = memory.spans
    assert "hunter2" not in everything(asked)
    assert attributes(asked)["url.query"] == "REDACTED"
    assert "url.query" not in attributes(plain)


async def test_a_failure_has_the_same_fingerprint_in_the_span_and_in_the_line(
    services: Services, tracing: Tracing, memory: Memory, lines: Lines
) -> None:
    async with calling(broken(services), tracing, lines) as client:
        assert (await client.get("/hello/Zoe")).status_code == 500
    span, line = memory.one("GET /hello/{username}"), lines.one("request failed")
    (event,) = span.events
    said = dict(event.attributes or {})
    assert (event.name, said["exception.type"], is_failed(span)) == (
        "exception",
        "ValueError",
        True,
    )
    assert said["exception.fingerprint"] == line["fingerprint"]
    assert line["trace_id"] == f"{context(span).trace_id:032x}"
    assert line["span_id"] == f"{context(span).span_id:016x}"


async def test_what_an_exception_says_is_in_neither_the_span_nor_the_line(
    services: Services, tracing: Tracing, memory: Memory, lines: Lines
) -> None:
    async with calling(broken(services), tracing, lines) as client:
        await client.get("/hello/Zoe")
    assert "in read" in lines.one("request failed")["exception"]
    assert SECRET not in lines.path.read_text()
    assert SECRET not in everything(memory.one("GET /hello/{username}"))


@pytest.mark.parametrize("header", [SAMPLED, UNSAMPLED])
async def test_the_line_of_a_request_bears_the_trace_sampled_or_not(
    services: Services, tracing: Tracing, lines: Lines, header: bytes
) -> None:
    async with calling(services, tracing, lines) as client:
        await client.get("/hello/Zoe", headers={HEADER: header})
    assert lines.one("request")["trace_id"] == f"{TRACE:032x}"
