"""Sampled or not: decided once, before anything is built, and never again inside."""

from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass

from opentelemetry.context import Context
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import Link, SpanKind, TraceState, get_current_span
from opentelemetry.util.types import Attributes

NO_PARENT = Context()
LOW_HALF = (1 << 64) - 1


@dataclass(slots=True)
class SamplingDecision:
    """What was decided of a request; its ids are those of its server span, recorded or not."""

    trace_id: int
    span_id: int
    sampled: bool
    is_begun: bool = False
    """Whether the server span has taken its id."""


sampling_decision: ContextVar[SamplingDecision | None] = ContextVar("verdict", default=None)
"""What was decided of the present request; None outside of one."""


def is_sampled(sampler: Sampler, trace_id: int, parent: Context = NO_PARENT) -> bool:
    """What a sampler says of a request."""
    result = sampler.should_sample(parent, trace_id, "HTTP", SpanKind.SERVER)
    return result.decision is Decision.RECORD_AND_SAMPLE


def threshold(sampler: Sampler) -> int:
    """Below which the low half of a trace's id lies where the sampler takes a trace without parent.

    All samplers that OTEL_TRACES_SAMPLER can name decide like this. Asking one for each request
    costs as much as the line that is written of it.
    """
    low, high = 0, LOW_HALF + 1
    while low < high:
        middle = (low + high) // 2
        if is_sampled(sampler, middle or 1):
            low = middle + 1
        else:
            high = middle
    return low


class PredecidedSampler(Sampler):
    """Follows the verdict where there is one; else asks the sampler that is configured."""

    def __init__(self, configured: Sampler) -> None:
        self._configured = configured

    def should_sample(  # noqa: PLR0913, PLR0917  # the SDK's signature
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Sampling 5 % again inside would keep 5 % of 5 %."""
        decided = sampling_decision.get()
        if decided is None:
            return self._configured.should_sample(
                parent_context, trace_id, name, kind, attributes, links, trace_state
            )
        state = get_current_span(parent_context).get_span_context().trace_state
        decision = Decision.RECORD_AND_SAMPLE if decided.sampled else Decision.DROP
        return SamplingResult(decision, attributes, state)

    def get_description(self) -> str:
        """Shown by the SDK's diagnostics."""
        return f"Decided({self._configured.get_description()})"


class PredecidedIds(IdGenerator):
    """A request's server span has the ids that its verdict was reached for."""

    def __init__(self) -> None:
        self._random = RandomIdGenerator()

    def generate_span_id(self) -> int:
        """The verdict's for the first span of a request, else random."""
        decided = sampling_decision.get()
        if decided is None or decided.is_begun:
            return self._random.generate_span_id()
        decided.is_begun = True
        return decided.span_id

    def generate_trace_id(self) -> int:
        """The verdict's, else random."""
        decided = sampling_decision.get()
        return decided.trace_id if decided is not None else self._random.generate_trace_id()

    def is_trace_id_random(self) -> bool:
        """Both kinds are."""
        return True
