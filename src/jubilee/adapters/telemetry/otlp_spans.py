"""Spans over OTLP."""

from collections.abc import Callable, Sequence

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from jubilee.adapters.telemetry.otlp import CountingExporter


class CountingSpanExporter(SpanExporter):
    """A CountingExporter with the interface of the SDK's span processor."""

    def __init__(self, failed: Callable[[], None]) -> None:
        self._exporter = OTLPSpanExporter()
        self._counted = CountingExporter(self._exporter.export, failed)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Called by the SDK's thread."""
        taken = self._counted.export(spans)
        return SpanExportResult.SUCCESS if taken else SpanExportResult.FAILURE

    def shutdown(self) -> None:
        """Stop retrying."""
        self._exporter.shutdown()
