"""The OTLP exports of a process; imported only where a collector is set."""

from collections.abc import Callable, Mapping

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from starlette.types import ASGIApp

from jubilee.adapters.telemetry.bad_export import BadExport
from jubilee.adapters.telemetry.exports import Exports
from jubilee.adapters.telemetry.instruments import Instruments
from jubilee.adapters.telemetry.otlp import (
    CountingExporter,
    Signal,
    seconds,
    signals,
)
from jubilee.adapters.telemetry.otlp_logs import LogBridge, LogExporter
from jubilee.adapters.telemetry.otlp_metrics import MetricsBridge
from jubilee.adapters.telemetry.otlp_spans import CountingSpanExporter
from jubilee.adapters.telemetry.periodic_thread import PeriodicThread
from jubilee.adapters.telemetry.sampling_middleware import SamplingMiddleware
from jubilee.adapters.telemetry.traced_requests import TracedRequests
from jubilee.adapters.telemetry.tracing import Tracing

LOG_INTERVAL_S, METRIC_INTERVAL_S = 1.0, 60.0  # unless an OTEL_* variable says otherwise


class OtlpExports(Exports):
    """Exports each signal from background threads; failed batches are counted and dropped."""

    def __init__(
        self,
        environ: Mapping[str, str],
        resource: Resource,
        instruments: Instruments,
        *,
        sampled_lines_only: bool = False,
    ) -> None:
        """Start the signals that the OTEL_* variables ask for; raises BadExport.

        `sampled_lines_only`: while traces are exported, INFO lines follow the trace sampler.
        """
        super().__init__()
        self._environ = environ
        self._sampled_lines_only = sampled_lines_only
        self._resource = resource
        self._instruments = instruments
        opens = {
            Signal.TRACES: self._send_spans,
            Signal.METRICS: self._send_metrics,
            Signal.LOGS: self._send_lines,
        }
        self._threads: list[PeriodicThread] = []
        self._wanted = signals(environ)
        for signal in self._wanted:
            opens[signal](self._instruments.export_failures.labels(signal.value).inc)
        for thread in self._threads:  # where one signal is refused, no other is sent
            thread.start()

    def trace_requests(self, app: ASGIApp, tracing: Tracing) -> ASGIApp:
        return TracedRequests(app, tracing) if self.spans else SamplingMiddleware(app, tracing)

    def _send_spans(self, failed: Callable[[], None]) -> None:
        try:
            self.spans = spans = BatchSpanProcessor(CountingSpanExporter(failed))
        except ValueError as error:
            raise BadExport(f"OTEL_BSP_...: {error}") from None
        self._ends.append(spans.shutdown)

    def _send_metrics(self, failed: Callable[[], None]) -> None:
        bridge = MetricsBridge(self._instruments, self._resource)
        counted = CountingExporter(OTLPMetricExporter().export, failed)
        interval_s = seconds(self._environ, "OTEL_METRIC_EXPORT_INTERVAL", METRIC_INTERVAL_S)
        self._add_thread("metrics", lambda: counted.export(bridge.snapshot()), interval_s)

    def _send_lines(self, failed: Callable[[], None]) -> None:
        counted = CountingExporter(LogExporter().send, failed)
        sampled_only = self._sampled_lines_only and Signal.TRACES in self._wanted
        lines = LogBridge(self._resource, counted.export, failed, sampled_only=sampled_only)
        self.lines = lines
        interval_s = seconds(self._environ, "OTEL_BLRP_SCHEDULE_DELAY", LOG_INTERVAL_S)
        self._add_thread("logs", lines.export, interval_s)

    def _add_thread(self, name: str, work: Callable[[], object], interval_s: float) -> None:
        thread = PeriodicThread(f"export of {name}", work, interval_s=interval_s)
        self._threads.append(thread)
        self._ends.append(thread.close)
