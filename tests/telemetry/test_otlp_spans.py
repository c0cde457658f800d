"""The requests that carry spans, as the collector decodes them."""

from collections.abc import Sequence

import pytest
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import Link, SpanContext, SpanKind, TraceFlags, TraceState
from opentelemetry.util.types import AnyValue

from jubilee.adapters.telemetry.otlp_spans import encoded
from jubilee.adapters.telemetry.tracing import Tracing
from tests.telemetry.memory import Memory

SAMPLED = TraceFlags(TraceFlags.SAMPLED)
STATE = TraceState([("vendor", "1"), ("other", "2")])
REMOTE = SpanContext(7, 8, is_remote=True, trace_flags=SAMPLED, trace_state=STATE)
FROM_REMOTE = trace.set_span_in_context(trace.NonRecordingSpan(REMOTE))
TYPES: dict[str, AnyValue] = {
    "text": "Zo\u00eb",
    "yes": True,
    "whole": -3,
    "part": 0.5,
    "many": ("a", "b"),
    "none": None,
}


def scopes(request: ExportTraceServiceRequest) -> Sequence[ScopeSpans]:
    return [scope for parts in request.resource_spans for scope in parts.scope_spans]


def spans_of(request: ExportTraceServiceRequest) -> list[tuple[str, str, str]]:
    """Return all spans with their resource and scope, in any order."""
    return sorted(
        (str(parts.resource), str(scope.scope), str(span))
        for parts in request.resource_spans
        for scope in parts.scope_spans
        for span in scope.spans
    )


def is_encoded_as_by_the_sdk(spans: Sequence[ReadableSpan]) -> bool:
    return bool(spans) and spans_of(encoded(spans)) == spans_of(encode_spans(spans))


@pytest.mark.parametrize("kind", SpanKind)
def test_a_span_of_each_kind_is_encoded_as_by_the_sdk(
    tracing: Tracing, memory: Memory, kind: SpanKind
) -> None:
    for _ in range(2):
        with tracing.tracer.start_as_current_span("parent", FROM_REMOTE, kind):
            tracing.record("SELECT users", {"db.system.name": "postgresql"}, 0.001)
            tracing.record("SELECT items", {}, 0.001, "TimeoutError")
    assert len(memory.spans) == 6
    assert is_encoded_as_by_the_sdk(memory.spans)


@pytest.mark.parametrize("name", TYPES)
def test_an_attribute_of_each_type_is_encoded_as_by_the_sdk(
    tracing: Tracing, memory: Memory, name: str
) -> None:
    for _ in range(2):
        tracing.tracer.start_span("GET", attributes={name: TYPES[name]}).end()
    assert is_encoded_as_by_the_sdk(memory.spans)


def test_events_links_and_descriptions_are_encoded_as_by_the_sdk(
    tracing: Tracing, memory: Memory
) -> None:
    tracing.tracer.start_span("plain").end()
    tracing.tracer.start_span("linked", links=[Link(REMOTE)]).end()
    with pytest.raises(ValueError, match="wrong"), tracing.tracer.start_as_current_span("failed"):
        raise ValueError("wrong")
    assert memory.spans[2].status.description
    assert is_encoded_as_by_the_sdk(memory.spans)


def test_spans_of_several_scopes_are_told_apart(tracing: Tracing, memory: Memory) -> None:
    for scope in ("first", "second") * 2:
        tracing.provider.get_tracer(scope).start_span(f"of {scope}").end()
    found = [
        (each.scope.name, [span.name for span in each.spans])
        for each in scopes(encoded(memory.spans))
    ]
    assert found == [("first", ["of first"] * 2), ("second", ["of second"] * 2)]


@pytest.mark.parametrize("bad", ["\ud800", 2**64])
def test_an_attribute_that_cannot_be_sent_costs_its_batch_nothing(
    tracing: Tracing, memory: Memory, bad: str | int
) -> None:
    for attributes in ({"good": 1}, {"bad": bad, "good": 1}, {"good": 1}):
        tracing.tracer.start_span("GET", attributes=attributes).end()
    (scope,) = scopes(encoded(memory.spans))
    assert [[each.key for each in span.attributes] for span in scope.spans] == [["good"]] * 3
