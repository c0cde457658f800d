"""A span that the event loop alone writes."""

from collections.abc import Mapping
from types import MappingProxyType

from opentelemetry.sdk.trace import Event
from opentelemetry.trace import Span, SpanContext, Status, StatusCode, TraceFlags
from opentelemetry.util.types import Attributes, AttributeValue

from jubilee.adapters.telemetry.sampling import SamplingDecision

SAMPLED = TraceFlags(TraceFlags.SAMPLED)
UNSET, FAILED = Status(StatusCode.UNSET), Status(StatusCode.ERROR)


class ServerSpan(Span):
    """The span of a request while it is served; `Tracing.export` sends it.

    The SDK's span locks at each change and copies all attributes.
    """

    def __init__(self, decided: SamplingDecision, attributes: dict[str, AttributeValue]) -> None:
        """Take the ids of the decision."""
        self.name = ""
        self.parent = decided.parent
        self.attributes = attributes
        self.events: list[Event] = []
        self.status = UNSET
        self._context = SpanContext(
            decided.trace_id,
            decided.span_id,
            is_remote=False,
            trace_flags=SAMPLED,
            trace_state=decided.parent.trace_state if decided.parent else None,
        )

    def finish(self, name: str, attributes: Mapping[str, AttributeValue]) -> None:
        """Name the span, and add what is known at its end."""
        self.name = name
        self.attributes |= attributes
        if "error.type" in attributes:
            self.status = FAILED

    def get_span_context(self) -> SpanContext:
        return self._context

    def is_recording(self) -> bool:
        return True

    def update_name(self, name: str) -> None:
        self.name = name

    def set_attribute(self, key: str, value: AttributeValue) -> None:
        self.attributes[key] = value

    def set_attributes(self, attributes: Mapping[str, AttributeValue]) -> None:
        self.attributes.update(attributes)

    def add_event(
        self, name: str, attributes: Attributes = None, timestamp: int | None = None
    ) -> None:
        self.events.append(Event(name, MappingProxyType(dict(attributes or {})), timestamp))

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        self.status = status if isinstance(status, Status) else Status(status, description)

    def record_exception(
        self,
        exception: BaseException,
        attributes: Attributes = None,
        timestamp: int | None = None,
        escaped: bool = False,  # the API's signature
    ) -> None:
        """Do nothing: `record_failure` adds the event, without the message of the exception."""

    def end(self, end_time: int | None = None) -> None:
        """Do nothing: `Tracing.export` ends it."""
