"""Spans and lines, where a test sees them at once."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanContext, StatusCode

from jubilee.adapters.telemetry.line_writer import LineWriter
from jubilee.adapters.telemetry.logs import Logs
from jubilee.adapters.telemetry.tracing import Tracing


@dataclass(frozen=True, slots=True)
class Memory:
    """The spans that have ended and would be sent."""

    exporter: InMemorySpanExporter

    def tracing(self) -> Tracing:
        """Traces that end up here; its sampler is the one that OTEL_TRACES_SAMPLER names."""
        return Tracing(Resource.create({}), SimpleSpanProcessor(self.exporter))

    @property
    def spans(self) -> list[ReadableSpan]:
        """In the order in which they ended."""
        return list(self.exporter.get_finished_spans())

    @property
    def names(self) -> list[str]:
        """Theirs."""
        return [span.name for span in self.spans]

    def one(self, name: str) -> ReadableSpan:
        """The only one of that name."""
        (found,) = (span for span in self.spans if span.name == name)
        return found


@dataclass(frozen=True, slots=True)
class Lines:
    """The log lines of a process, as its collector of logs finds them."""

    path: Path
    writer: LineWriter
    logs: Logs

    @property
    def found(self) -> list[dict[str, Any]]:
        """All so far."""
        self.writer.flush()
        return [json.loads(line) for line in self.path.read_text().splitlines()]

    def one(self, event: str) -> dict[str, Any]:
        """The only one of that event."""
        (line,) = (line for line in self.found if line["event"] == event)
        return line


def context(span: ReadableSpan) -> SpanContext:
    """Its ids."""
    found: SpanContext | None = span.context
    assert found is not None
    return found


def parent_id(span: ReadableSpan) -> int | None:
    """The id of its parent."""
    return None if span.parent is None else span.parent.span_id


def attributes(span: ReadableSpan) -> Mapping[str, Any]:
    """What is said of it."""
    return dict(span.attributes or {})


def is_failed(span: ReadableSpan) -> bool:
    """Whether it ended as failed."""
    return span.status.status_code is StatusCode.ERROR


def everything(span: ReadableSpan) -> str:
    """All that is sent of it, as a text to look for secrets in."""
    text: str = span.to_json()
    return text


def log_records(requests: Sequence[ExportLogsServiceRequest]) -> list[LogRecord]:
    """The lines of all requests, in order."""
    groups = [group for request in requests for group in request.resource_logs]
    return [
        record for group in groups for scope in group.scope_logs for record in scope.log_records
    ]
