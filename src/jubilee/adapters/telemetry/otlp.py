"""OTLP over HTTP, configured by the standard OTEL_* variables; without them nothing is sent."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any
from urllib.parse import urlsplit

from opentelemetry.sdk.resources import OTELResourceDetector, Resource

from jubilee.adapters.telemetry.bad_export import BadExport

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
PROTOCOL = "http/protobuf"
MAX_INTERVAL_S = 86_400.0


class Signal(Enum):
    """A kind of telemetry."""

    TRACES = "traces"
    METRICS = "metrics"
    LOGS = "logs"


def signals(environ: Mapping[str, str]) -> frozenset[Signal]:
    """The signals that the variables ask for; raises BadExport."""
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return frozenset()
    return frozenset(signal for signal in Signal if _is_wanted(signal, environ))


def _is_wanted(signal: Signal, environ: Mapping[str, str]) -> bool:
    name = signal.value.upper()
    own = f"OTEL_EXPORTER_OTLP_{name}_ENDPOINT"
    endpoint = environ.get(own) or environ.get(ENDPOINT)
    exporter = environ.get(f"OTEL_{name}_EXPORTER") or "otlp"
    if exporter not in {"otlp", "none"}:
        raise BadExport(f"OTEL_{name}_EXPORTER: must be otlp or none")
    if exporter == "none" or not endpoint:
        return False
    if not _is_address(endpoint):
        raise BadExport(
            f"{own if environ.get(own) else ENDPOINT}: must have the form http://host:4318"
        )
    protocol = environ.get(f"OTEL_EXPORTER_OTLP_{name}_PROTOCOL") or environ.get(
        "OTEL_EXPORTER_OTLP_PROTOCOL", PROTOCOL
    )
    if protocol != PROTOCOL:
        raise BadExport(f"OTEL_EXPORTER_OTLP_PROTOCOL: must be {PROTOCOL}")
    return True


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def seconds(environ: Mapping[str, str], name: str, default: float) -> float:
    """Read a variable in milliseconds, as seconds; raises BadExport."""
    try:
        found = float(environ.get(name) or default * 1000) / 1000
    except ValueError:
        found = 0.0
    if not 0 < found < MAX_INTERVAL_S:
        raise BadExport(f"{name}: must be a number of milliseconds")
    return found


class IdentityResource(Resource):
    """Hashed by identity: the exporters hash the resource for each span and line, else as JSON."""

    def __hash__(self) -> int:
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other


def resource(attributes: Mapping[str, str]) -> Resource:
    """The sender's attributes; OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES take precedence."""
    found = Resource.create(dict(attributes)).merge(OTELResourceDetector().detect())
    return IdentityResource(found.attributes, found.schema_url)


@dataclass(frozen=True, slots=True)
class CountingExporter:
    """Passes batches to an exporter of the SDK; counts and drops those that are not accepted."""

    send: Callable[[Any], Enum]
    """Returns a member SUCCESS, as the SDK's exporters do; each has a batch of its own."""
    failed: Callable[[], None]

    def export(self, batch: object) -> bool:
        """Whether the collector accepted the batch; never raises."""
        try:
            taken = self.send(batch).name == "SUCCESS"
        except Exception:  # the exporter's own errors must not harm the service
            taken = False
        if not taken:
            self.failed()
        return taken
