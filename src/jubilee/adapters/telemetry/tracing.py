"""Traces: one provider a process, the sampling of requests, and propagation between processes."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from random import getrandbits
from time import time_ns
from typing import NamedTuple, TypeAlias

from opentelemetry import trace
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Span, SpanContext, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from jubilee.adapters.telemetry.exceptions import fingerprint, kind_of, stack
from jubilee.adapters.telemetry.sampling import (
    LOW_HALF,
    NO_PARENT,
    PredecidedIds,
    PredecidedSampler,
    SamplingDecision,
    is_sampled,
    sampling_decision,
    threshold,
)

PROPAGATOR = TraceContextTextMapPropagator()
PROPAGATED = (b"traceparent", b"tracestate")
SCOPE = InstrumentationScope("jubilee", "")
STATUS_OK, STATUS_ERROR = Status(StatusCode.UNSET), Status(StatusCode.ERROR)

Attributes: TypeAlias = Mapping[str, AttributeValue]
RawHeaders: TypeAlias = Sequence[tuple[bytes, bytes]]


class Tracing:
    """The tracer provider of a process; without a span processor nothing is sampled."""

    def __init__(self, resource: Resource, processor: SpanProcessor | None = None) -> None:
        """Use the sampler that OTEL_TRACES_SAMPLER names."""
        self.provider = TracerProvider(
            resource=resource,
            sampler=None if processor else ALWAYS_OFF,
            id_generator=PredecidedIds(),
            shutdown_on_exit=False,
        )
        self._configured = self.provider.sampler
        self._threshold = threshold(self._configured)
        self.provider.sampler = PredecidedSampler(self._configured)
        if processor is not None:
            self.provider.add_span_processor(processor)
        self.tracer = self.provider.get_tracer(SCOPE.name)
        self._processor = processor
        self._limits = SpanLimits()

    def decide(self, headers: RawHeaders) -> SamplingDecision:
        """Ask the configured sampler about a request; a malformed `traceparent` is ignored."""
        for name, _ in headers:
            if name == b"traceparent":
                return self._follow(PROPAGATOR.extract(_text(headers), NO_PARENT))
        trace_id = getrandbits(128) or 1
        return SamplingDecision(
            trace_id, getrandbits(64) or 1, trace_id & LOW_HALF < self._threshold
        )

    def _follow(self, parent: Context) -> SamplingDecision:
        trace_id = trace.get_current_span(parent).get_span_context().trace_id
        trace_id = trace_id or getrandbits(128) or 1
        sampled = is_sampled(self._configured, trace_id, parent)
        return SamplingDecision(trace_id, getrandbits(64) or 1, sampled)

    @contextmanager
    def span(self, name: str, kind: SpanKind, attributes: Attributes) -> Iterator[Span]:
        """Open a child of the current span if that is recorded; an exception marks it as failed."""
        current = trace.get_current_span()
        if not current.is_recording():
            yield current
            return
        with self.tracer.start_as_current_span(
            name,
            kind=kind,
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield span
            except Exception as error:
                mark_failed(span, kind_of(error))
                raise

    def limited(self, attributes: Attributes) -> Attributes:
        """Cut attributes to the SDK's limits of number and length; `record` does not."""
        limits = self._limits
        count, length = limits.max_span_attributes, limits.max_span_attribute_length
        return dict(BoundedAttributes(count, dict(attributes), max_value_len=length))

    def record(
        self, name: str, attributes: Attributes, seconds: float, failure: str | None = None
    ) -> None:
        """Record a database call that has just ended as a child of the current, recorded span.

        The span is built already ended: the SDK's open spans, with their locks and copies of all
        attributes, cost five times as much.
        """
        ended, parent = time_ns(), trace.get_current_span().get_span_context()
        if failure is not None:
            attributes = {**attributes, "error.type": failure}
        span = ReadableSpan(
            name,
            SpanContext(
                parent.trace_id,
                self.provider.id_generator.generate_span_id(),
                is_remote=False,
                trace_flags=parent.trace_flags,
                trace_state=parent.trace_state,
            ),
            parent,
            self.provider.resource,
            attributes,
            kind=SpanKind.CLIENT,
            status=STATUS_OK if failure is None else STATUS_ERROR,
            start_time=ended - int(seconds * 1e9),
            end_time=ended,
            instrumentation_scope=SCOPE,
        )
        if self._processor is not None:
            self._processor.on_end(span)


def trace_headers() -> dict[str, str] | None:
    """The current trace context as headers; None outside of a trace."""
    found: dict[str, str] = {}
    PROPAGATOR.inject(found)
    decided = sampling_decision.get()
    if not found and decided is not None:
        found["traceparent"] = f"00-{decided.trace_id:032x}-{decided.span_id:016x}-00"
    return found or None


def origin_context(stored: Mapping[str, str] | None) -> SpanContext:
    """The span context stored with a row; invalid if none was stored."""
    return trace.get_current_span(PROPAGATOR.extract(stored or {}, NO_PARENT)).get_span_context()


class TraceIds(NamedTuple):
    """The ids of a trace and of a span in it; unsampled ones appear only in log lines."""

    trace_id: int
    span_id: int
    sampled: bool


NO_TRACE_IDS = TraceIds(0, 0, sampled=False)


def current_ids() -> TraceIds | None:
    """The ids of the current trace and span, sampled or not; None outside of a trace."""
    decided = sampling_decision.get()
    if decided is not None and not decided.sampled:
        return TraceIds(decided.trace_id, decided.span_id, False)
    span = trace.get_current_span().get_span_context()
    return (
        TraceIds(span.trace_id, span.span_id, span.trace_flags.sampled) if span.is_valid else None
    )


def is_recorded() -> bool:
    """Whether the current span is recorded; fast for requests that are not sampled."""
    decided = sampling_decision.get()
    if decided is not None and not decided.sampled:
        return False
    return trace.get_current_span().is_recording()


def mark_failed(span: Span, failure: str) -> None:
    """Mark a span as failed; `failure` is a code or class, as messages may contain user data."""
    span.set_attribute("error.type", failure)
    span.set_status(STATUS_ERROR)


def record_failure(span: Span, error: BaseException) -> None:
    """Add the exception to the span as an event, with the fingerprint of its log line."""
    span.add_event(
        "exception",
        {
            "exception.type": kind_of(error),
            "exception.stacktrace": stack(error, whole=False),
            "exception.fingerprint": fingerprint(error),
        },
    )
    mark_failed(span, kind_of(error))


def _text(headers: RawHeaders) -> dict[str, str]:
    """Decode the propagated headers; the first of a name wins, as in the instrumentation."""
    return {k.decode(): v.decode("latin-1") for k, v in reversed(headers) if k in PROPAGATED}
