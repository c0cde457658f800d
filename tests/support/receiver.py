"""A small OTLP receiver that decodes what it is sent over HTTP."""

import gzip
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

KINDS = {
    Span.SPAN_KIND_INTERNAL: "internal",
    Span.SPAN_KIND_SERVER: "server",
    Span.SPAN_KIND_CLIENT: "client",
    Span.SPAN_KIND_PRODUCER: "producer",
    Span.SPAN_KIND_CONSUMER: "consumer",
}


@dataclass(frozen=True, slots=True)
class ReceivedSpan:
    """A received span; ids in hex."""

    name: str
    kind: str
    service: str
    trace_id: str
    span_id: str
    parent_id: str
    attributes: dict[str, Any]
    events: list[tuple[str, dict[str, Any]]]
    links: list[str]
    failed: bool
    seconds: float


@dataclass(slots=True)
class Receiver:
    """The received spans, metrics and log lines."""

    port: int = 0
    answer: int = 200
    spans: list[ReceivedSpan] = field(default_factory=list)
    lines: list[Any] = field(default_factory=list)
    metrics: dict[str, Any] = field(default_factory=dict)
    resources: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The value for OTEL_EXPORTER_OTLP_ENDPOINT."""
        return f"http://127.0.0.1:{self.port}"

    def named(self, name: str) -> list[ReceivedSpan]:
        """Return the spans of this name."""
        return [span for span in self.spans if span.name == name]

    def wait_for(self, name: str, within: float = 60) -> ReceivedSpan:
        """Wait for a span of this name and return it."""
        deadline = time.monotonic() + within
        while not (found := self.named(name)) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert found, sorted({span.name for span in self.spans})
        return found[0]

    def of_trace(self, trace_id: str) -> list[ReceivedSpan]:
        """Return the spans of a trace."""
        return [span for span in self.spans if span.trace_id == trace_id]

    def take(self, path: str, body: bytes) -> None:
        """Decode one request of an exporter."""
        decoders: dict[str, Callable[[bytes], None]] = {
            "/v1/traces": self._spans,
            "/v1/metrics": self._metrics,
            "/v1/logs": self._lines,
        }
        decoders[path](body)

    def _spans(self, body: bytes) -> None:
        found = []
        for group in ExportTraceServiceRequest.FromString(body).resource_spans:
            attributes = _attributes(group.resource.attributes)
            self.resources.append(attributes)
            for scope in group.scope_spans:
                found += [_received_span(span, attributes["service.name"]) for span in scope.spans]
        self.spans += found  # in one step, so that a reader who sees the root sees its children

    def _metrics(self, body: bytes) -> None:
        for group in ExportMetricsServiceRequest.FromString(body).resource_metrics:
            self.resources.append(_attributes(group.resource.attributes))
            for scope in group.scope_metrics:
                self.metrics |= {metric.name: metric for metric in scope.metrics}

    def _lines(self, body: bytes) -> None:
        for group in ExportLogsServiceRequest.FromString(body).resource_logs:
            self.resources.append(_attributes(group.resource.attributes))
            for scope in group.scope_logs:
                self.lines += scope.log_records


@contextmanager
def receiver() -> Iterator[Receiver]:
    """Run a receiver on a free port."""
    received = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            received.headers.append({name.lower(): value for name, value in self.headers.items()})
            if received.answer == 200:
                received.take(self.path, body)
            self.send_response(received.answer)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    received.port = server.server_port
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield received
    finally:
        server.shutdown()
        server.server_close()


def _received_span(span: Span, service: str) -> ReceivedSpan:
    return ReceivedSpan(
        name=span.name,
        kind=KINDS[span.kind],
        service=service,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        attributes=_attributes(span.attributes),
        events=[(event.name, _attributes(event.attributes)) for event in span.events],
        links=[link.trace_id.hex() for link in span.links],
        failed=span.status.code == Status.STATUS_CODE_ERROR,
        seconds=(span.end_time_unix_nano - span.start_time_unix_nano) / 1e9,
    )


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: _value(pair) for pair in pairs}


def _value(pair: KeyValue) -> Any:
    kind = pair.value.WhichOneof("value")
    return getattr(pair.value, kind) if kind else None
