"""OTLP over HTTP, as the standard OTEL_* variables say: nothing set, nothing sent."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol
from urllib.parse import urlsplit

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from jubilee.adapters.telemetry.bad_export import BadExport

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
PROTOCOL = "http/protobuf"
MAX_INTERVAL_S = 86_400.0  # seconds


class Signal(Enum):
    """What can be sent."""

    TRACES = "traces"
    METRICS = "metrics"
    LOGS = "logs"


def signals(environ: Mapping[str, str]) -> frozenset[Signal]:
    """Those that the variables ask for; raises BadExport."""
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return frozenset()
    return frozenset(signal for signal in Signal if _is_wanted(signal, environ))


def _is_wanted(signal: Signal, environ: Mapping[str, str]) -> bool:
    name = signal.value.upper()
    own = f"OTEL_EXPORTER_OTLP_{name}_ENDPOINT"
    endpoint = environ.get(own) or environ.get(ENDPOINT)
    exporter = environ.get(f"OTEL_{name}_EXPORTER") or "otlp"
    if exporter not in {"otlp", "none"}:
        raise BadExport(f"OTEL_{name}_EXPORTER: it is otlp or none")
    if exporter == "none" or not endpoint:
        return False
    if not _is_address(endpoint):
        raise BadExport(f"{own if environ.get(own) else ENDPOINT}: it is written http://host:4318")
    protocol = environ.get(f"OTEL_EXPORTER_OTLP_{name}_PROTOCOL") or environ.get(
        "OTEL_EXPORTER_OTLP_PROTOCOL", PROTOCOL
    )
    if protocol != PROTOCOL:
        raise BadExport(f"OTEL_EXPORTER_OTLP_PROTOCOL: it is {PROTOCOL}")
    return True


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def seconds(environ: Mapping[str, str], name: str, otherwise: float) -> float:
    """A variable in milliseconds; raises BadExport."""
    try:
        found = float(environ.get(name) or otherwise * 1000) / 1000
    except ValueError:
        found = 0.0
    if not 0 < found < MAX_INTERVAL_S:
        raise BadExport(f"{name}: it is a number of milliseconds")
    return found


class IdentityResource(Resource):
    """Equal to itself alone: the exporters hash it for every span and line, as JSON else."""

    def __hash__(self) -> int:
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other


def resource(attributes: Mapping[str, str]) -> Resource:
    """Who sends it: OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win over what is given."""
    found = Resource.create(dict(attributes)).merge(OTELResourceDetector().detect())
    return IdentityResource(found.attributes, found.schema_url)


class Exporter(Protocol):
    """What the three exporters have in common."""

    def export(self, batch: Any, /) -> Any: ...  # noqa: ANN401  # each has a batch of its own
    def shutdown(self) -> None: ...


@dataclass(frozen=True, slots=True)
class CountingExporter:
    """Hands batches on to an exporter; what no collector takes is counted and forgotten."""

    exporter: Exporter
    failed: Callable[[], None]

    def export(self, batch: object) -> bool:
        """Whether it was taken; called by threads that nobody waits for."""
        try:
            taken = bool(self.exporter.export(batch).name == "SUCCESS")
        except Exception:  # the exporter's own: telemetry never harms what it watches
            taken = False
        if not taken:
            self.failed()
        return taken


class CountingSpanExporter(SpanExporter):
    """The same, as the SDK's span processor wants it."""

    def __init__(self, failed: Callable[[], None]) -> None:
        self._exporter = OTLPSpanExporter()
        self._counted = CountingExporter(self._exporter, failed)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Called by the SDK's own thread."""
        taken = self._counted.export(spans)
        return SpanExportResult.SUCCESS if taken else SpanExportResult.FAILURE

    def shutdown(self) -> None:
        """No more retries."""
        self._exporter.shutdown()  # type: ignore[no-untyped-call]  # the SDK leaves it untyped
