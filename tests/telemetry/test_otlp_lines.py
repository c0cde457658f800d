"""The requests that carry log lines, as the collector decodes them."""

import pytest
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from jubilee.adapters.telemetry import otlp_logs
from jubilee.adapters.telemetry.otlp import resource
from jubilee.adapters.telemetry.otlp_logs import BATCH_SIZE, SCOPE, LogBridge
from jubilee.adapters.telemetry.tracing import TraceIds
from tests.telemetry.memory import log_records

ABOUT = resource({"service.name": "jubilee-test"})
AT_NS = 946_684_800_000_000_000
TRACE_ID, SPAN_ID = 0xAB, 0xCD


def encoded_by_the_sdk(text: str) -> ExportLogsServiceRequest:
    """What the SDK sends for a sampled warning."""
    span = SpanContext(TRACE_ID, SPAN_ID, is_remote=False, trace_flags=TraceFlags(1))
    record = LogRecord(
        timestamp=AT_NS,
        observed_timestamp=AT_NS,
        context=set_span_in_context(NonRecordingSpan(span)),
        severity_text="WARNING",
        severity_number=SeverityNumber.WARN,
        body=text,
    )
    return encode_logs([ReadableLogRecord(record, ABOUT, SCOPE)])


def exported(*lines: str) -> list[ExportLogsServiceRequest]:
    """What is sent for these warnings of a sampled request."""
    sent: list[ExportLogsServiceRequest] = []
    bridge = LogBridge(ABOUT, sent.append, lambda: None)
    for line in lines:
        bridge.add(line, "warning", TraceIds(TRACE_ID, SPAN_ID, sampled=True), AT_NS)
    bridge.export()
    return sent


def test_a_request_is_the_one_that_the_sdk_would_encode() -> None:
    assert exported('{"event":"Zoë"}') == [encoded_by_the_sdk('{"event":"Zoë"}')]


def test_a_line_that_is_no_unicode_is_escaped_and_costs_its_batch_nothing() -> None:
    records = log_records(exported("a\ud800b", "next"))
    assert [record.body.string_value for record in records] == ["a\\ud800b", "next"]


def test_many_lines_are_sent_in_requests_of_bounded_size() -> None:
    sizes = [len(log_records([request])) for request in exported(*["{}"] * (BATCH_SIZE + 1))]
    assert sizes == [BATCH_SIZE, 1]


def test_a_full_buffer_drops_new_lines_and_counts_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(otlp_logs, "MAX_LINES", 3)
    sent: list[ExportLogsServiceRequest] = []
    dropped: list[None] = []
    bridge = LogBridge(ABOUT, sent.append, lambda: dropped.append(None))
    for line in ("1", "2", "3", "4", "5"):
        bridge.add(line, "info", None)
    bridge.export()
    assert [record.body.string_value for record in log_records(sent)] == ["1", "2", "3"]
    assert len(dropped) == 2
