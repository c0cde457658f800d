"""Which requests are sampled: by the configured share, or by the caller's decision."""

from dataclasses import dataclass
from random import getrandbits
from typing import Any

import pytest
from opentelemetry.sdk.trace.sampling import (
    Decision,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)
from opentelemetry.trace import SpanKind

from jubilee.adapters.telemetry import tracing as tracing_module
from jubilee.adapters.telemetry.sampling import (
    LOW_HALF,
    PredecidedSampler,
    is_sampled,
    sampling_decision,
    threshold,
)
from jubilee.adapters.telemetry.tracing import Tracing, is_recorded
from tests.telemetry.memory import (
    Memory,
    context,
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


def sampling(monkeypatch: pytest.MonkeyPatch, memory: Memory, share: str) -> Tracing:
    """Return tracing with the recommended sampler and this share."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", share)
    return memory.tracing()


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


@pytest.mark.parametrize(("line", "expected"), [(SAMPLED, True), (UNSAMPLED, False)])
async def test_work_of_a_request_is_recorded_where_the_request_is(
    tracing: Tracing, line: bytes, expected: bool
) -> None:
    found = []

    async def work() -> None:
        found.append(is_recorded())

    async with serving(tracing, work) as client:
        await client.get("/", headers=[(HEADER, line)])
    assert found == [expected]


@pytest.mark.parametrize(("parent", "traces"), [(b"", 200), (b"malformed", 200), (SAMPLED, 1)])
def test_each_request_has_random_identifiers(memory: Memory, parent: bytes, traces: int) -> None:
    headers = [(b"traceparent", parent)] if parent else []
    tracing = memory.tracing()
    found = [tracing.decide(headers) for _ in range(200)]
    assert len({decision.trace_id for decision in found}) == traces
    assert len({decision.span_id for decision in found}) == 200
    assert max(decision.span_id for decision in found).bit_length() > 50


def test_a_share_of_the_trace_ids_is_sampled_exactly(
    monkeypatch: pytest.MonkeyPatch, memory: Memory
) -> None:
    tracing = sampling(monkeypatch, memory, "0.5")
    for low_half, is_sampled_then in ((LOW_HALF >> 1, True), ((LOW_HALF >> 1) + 1, False)):
        monkeypatch.setattr(tracing_module, "getrandbits", lambda _, low=low_half: low)
        assert tracing.decide([]).sampled is is_sampled_then
