"""Spans and log lines that tests read."""

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
    """The spans that have ended."""

    exporter: InMemorySpanExporter

    def tracing(self) -> Tracing:
        """Return tracing that exports to this memory, with the sampler of OTEL_TRACES_SAMPLER."""
        return Tracing(Resource.create({}), SimpleSpanProcessor(self.exporter))

    @property
    def spans(self) -> list[ReadableSpan]:
        """The spans in the order of their ends."""
        return list(self.exporter.get_finished_spans())

    @property
    def names(self) -> list[str]:
        """The names of the spans."""
        return [span.name for span in self.spans]

    def one(self, name: str) -> ReadableSpan:
        """Return the only span of this name."""
        (found,) = (span for span in self.spans if span.name == name)
        return found


@dataclass(frozen=True, slots=True)
class Lines:
    """The log lines of a process."""

    path: Path
    writer: LineWriter
    logs: Logs

    @property
    def found(self) -> list[dict[str, Any]]:
        """All lines so far."""
        self.writer.flush()
        return [json.loads(line) for line in self.path.read_text().splitlines()]

    def one(self, event: str) -> dict[str, Any]:
        """Return the only line of this event."""
        (line,) = (line for line in self.found if line["event"] == event)
        return line


def context(span: ReadableSpan) -> SpanContext:
    """Return the ids of the span."""
    found: SpanContext | None = span.context
    assert found is not None
    return found


def parent_id(span: ReadableSpan) -> int | None:
    """Return the id of the parent span."""
    return None if span.parent is None else span.parent.span_id


def attributes(span: ReadableSpan) -> Mapping[str, Any]:
    """Return the attributes of the span."""
    return dict(span.attributes or {})


def is_failed(span: ReadableSpan) -> bool:
    """Return whether the span has the status ERROR."""
    return span.status.status_code is StatusCode.ERROR


def as_text(span: ReadableSpan) -> str:
    """Return the whole span as text, to search it for secrets."""
    text: str = span.to_json()
    return text


def log_records(requests: Sequence[ExportLogsServiceRequest]) -> list[LogRecord]:
    """The lines of all requests, in order."""
    groups = [group for request in requests for group in request.resource_logs]
    return [
        record for group in groups for scope in group.scope_logs for record in scope.log_records
    ]
