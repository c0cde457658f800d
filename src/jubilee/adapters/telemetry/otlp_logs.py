"""Log lines over OTLP: formatted once, buffered, and encoded by a thread."""

from collections import deque
from collections.abc import Callable
from time import time_ns
from typing import NamedTuple

from opentelemetry._logs import LogRecord as EmptyRecord
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk._logs.export import LogRecordExportResult
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import TraceFlags

from jubilee.adapters.telemetry.tracing import NO_TRACE_IDS, TraceIds

MAX_LINES = 20_000  # lines
BATCH_SIZE = 512  # lines
FREQUENT_LEVELS = frozenset({"debug", "info"})
SCOPE = InstrumentationScope("jubilee")
SEVERITIES = {
    "debug": SeverityNumber.SEVERITY_NUMBER_DEBUG,
    "info": SeverityNumber.SEVERITY_NUMBER_INFO,
    "warning": SeverityNumber.SEVERITY_NUMBER_WARN,
    "error": SeverityNumber.SEVERITY_NUMBER_ERROR,
    "critical": SeverityNumber.SEVERITY_NUMBER_FATAL,
}


class LogLine(NamedTuple):
    """A formatted line; `at` is in nanoseconds since 1970."""

    text: str
    level: str
    ids: TraceIds
    at: int


class LogExporter(OTLPLogExporter):
    """Sends requests that are built already: the SDK's log records cost seven times as much."""

    def send(self, request: ExportLogsServiceRequest) -> LogRecordExportResult:
        """Send to the collector, with the SDK's retries and variables."""
        sent = self._client.export(request.SerializeToString())
        return LogRecordExportResult.SUCCESS if sent.success else LogRecordExportResult.FAILURE


class LogBridge:
    """Buffers lines until `export` is called; with a full buffer, new lines are dropped.

    With `sampled_only`, lines below WARNING follow the trace sampler: those of requests and jobs
    that are not sampled are not sent.
    """

    def __init__(
        self,
        resource: Resource,
        send: Callable[[ExportLogsServiceRequest], object],
        failed: Callable[[], None],
        *,
        sampled_only: bool = False,
    ) -> None:
        """`failed` is called for each dropped line."""
        self._sampled_only = sampled_only
        self._without_lines = _without_lines(resource)
        self._send = send
        self._failed = failed
        self._lines: deque[LogLine] = deque()

    def add(self, text: str, level: str, ids: TraceIds | None, at: int | None = None) -> None:
        """Buffer a line without waiting; `at`, in nanoseconds since 1970, defaults to now."""
        if self._sampled_only and ids is not None and not ids.sampled and level in FREQUENT_LEVELS:
            return
        if len(self._lines) >= MAX_LINES:
            self._failed()
            return
        self._lines.append(LogLine(text, level, ids or NO_TRACE_IDS, at or time_ns()))

    def export(self) -> None:
        """Send all buffered lines."""
        for _ in range(-(-len(self._lines) // BATCH_SIZE)):
            self._send(self._request(min(BATCH_SIZE, len(self._lines))))

    def _request(self, count: int) -> ExportLogsServiceRequest:
        request = ExportLogsServiceRequest()
        request.CopyFrom(self._without_lines)
        records = request.resource_logs[0].scope_logs[0].log_records
        for _ in range(count):
            _fill(records.add(), self._lines.popleft())
        return request


def _without_lines(resource: Resource) -> ExportLogsServiceRequest:
    """Encode the resource and the scope, which all requests have in common."""
    request = encode_logs([ReadableLogRecord(EmptyRecord(), resource, SCOPE)])
    request.resource_logs[0].scope_logs[0].ClearField("log_records")
    return request


def _fill(record: LogRecord, line: LogLine) -> None:
    text, level, (trace_id, span_id, sampled), at = line
    record.time_unix_nano = record.observed_time_unix_nano = at
    record.severity_text = level.upper()
    record.severity_number = SEVERITIES.get(level, SeverityNumber.SEVERITY_NUMBER_INFO)
    record.body.string_value = text.encode(errors="backslashreplace").decode()
    record.flags = TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT
    if trace_id:
        record.trace_id = trace_id.to_bytes(16, "big")
        record.span_id = span_id.to_bytes(8, "big")
