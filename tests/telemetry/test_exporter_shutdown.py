"""A stopped exporter ends its retries."""

import threading
import time

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter

from jubilee.adapters.telemetry.otlp_spans import CountingSpanExporter


def make_span() -> ReadableSpan:
    span = TracerProvider(resource=Resource({})).get_tracer("test").start_span("GET /")
    span.end()
    assert isinstance(span, ReadableSpan)
    return span


def test_stopping_an_exporter_ends_a_running_export(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "60")  # it would go on for half a minute
    failures: list[None] = []
    exporter: SpanExporter = CountingSpanExporter(lambda: failures.append(None))
    exporting = threading.Thread(target=exporter.export, args=([make_span()],), daemon=True)
    exporting.start()
    time.sleep(0.3)
    assert exporting.is_alive()
    exporter.shutdown()
    exporting.join(20)
    assert not exporting.is_alive()
    assert len(failures) == 1
