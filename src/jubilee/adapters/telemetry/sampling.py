"""The sampling decision: made once a request, before any span is built, and followed inside."""

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
    """The sampling decision of a request, with the ids of its server span, recorded or not."""

    trace_id: int
    span_id: int
    sampled: bool
    is_begun: bool = False
    """Whether the server span has taken its id."""


sampling_decision: ContextVar[SamplingDecision | None] = ContextVar(
    "sampling_decision", default=None
)
"""The decision of the current request; None outside of a request."""


def is_sampled(sampler: Sampler, trace_id: int, parent: Context = NO_PARENT) -> bool:
    """Whether a sampler samples a request of this trace id and parent."""
    result = sampler.should_sample(parent, trace_id, "HTTP", SpanKind.SERVER)
    return result.decision is Decision.RECORD_AND_SAMPLE


def threshold(sampler: Sampler) -> int:
    """Find the bound below which the low half of a trace id is sampled, by bisection.

    All samplers that OTEL_TRACES_SAMPLER can name decide root traces by such a bound. Comparing is
    cheap; asking the sampler for each request costs as much as writing its log line.
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
    """Follows the request's decision if there is one; else asks the configured sampler."""

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
        """Return the decision made before: sampling 5 % again would keep 5 % of 5 %."""
        decided = sampling_decision.get()
        if decided is None:
            return self._configured.should_sample(
                parent_context, trace_id, name, kind, attributes, links, trace_state
            )
        state = get_current_span(parent_context).get_span_context().trace_state
        decision = Decision.RECORD_AND_SAMPLE if decided.sampled else Decision.DROP
        # The instrumentation sets the attributes of a server span itself: here they would be first
        # copied and checked, for 6 us.
        kept = None if kind is SpanKind.SERVER else attributes
        return SamplingResult(decision, kept, state)

    def get_description(self) -> str:
        """The name shown in the SDK's diagnostics."""
        return f"Predecided({self._configured.get_description()})"


class PredecidedIds(IdGenerator):
    """Gives a request's server span the ids of its sampling decision."""

    def __init__(self) -> None:
        self._random = RandomIdGenerator()

    def generate_span_id(self) -> int:
        """The decision's id for the first span of a request, else a random one."""
        decided = sampling_decision.get()
        if decided is None or decided.is_begun:
            return self._random.generate_span_id()
        decided.is_begun = True
        return decided.span_id

    def generate_trace_id(self) -> int:
        """The decision's trace id, else a random one."""
        decided = sampling_decision.get()
        return decided.trace_id if decided is not None else self._random.generate_trace_id()

    def is_trace_id_random(self) -> bool:
        """True: the decision's ids are random, too."""
        return True
