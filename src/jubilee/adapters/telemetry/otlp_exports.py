"""Everything that a process sends over OTLP, and its end."""

import threading
from collections.abc import Callable, Mapping
from time import monotonic

from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from jubilee.adapters.telemetry.bad_export import BadExport
from jubilee.adapters.telemetry.instruments import Instruments
from jubilee.adapters.telemetry.otlp import (
    CountingExporter,
    CountingSpanExporter,
    Signal,
    seconds,
    signals,
)
from jubilee.adapters.telemetry.otlp_logs import LogBridge
from jubilee.adapters.telemetry.otlp_metrics import MetricsBridge
from jubilee.adapters.telemetry.periodic_thread import PeriodicThread

LOG_INTERVAL, METRIC_INTERVAL = 1.0, 60.0  # seconds, where no variable says another


class Exports:
    """What is sent, by threads that nobody waits for; what fails is counted."""

    def __init__(
        self,
        environ: Mapping[str, str],
        resource: Resource,
        instruments: Instruments,
        *,
        sampled_lines_only: bool = False,
    ) -> None:
        """As the OTEL_* variables say; raises BadExport."""
        self.spans: SpanProcessor | None = None
        self.lines: LogBridge | None = None
        self._environ = environ
        self._sampled_lines_only = sampled_lines_only
        self._resource = resource
        self._instruments = instruments
        self._ends: list[Callable[[], None]] = []
        opens = {
            Signal.TRACES: self._send_spans,
            Signal.METRICS: self._send_metrics,
            Signal.LOGS: self._send_lines,
        }
        self._wanted = signals(environ)
        for signal in self._wanted:
            opens[signal](self._instruments.export_failures.labels(signal.value).inc)

    def close(self, within: float) -> None:
        """Send what is left, for so many seconds at most, all signals at a time."""
        threads = [threading.Thread(target=end, daemon=True) for end in self._ends]
        for thread in threads:
            thread.start()
        deadline = monotonic() + within
        for thread in threads:
            thread.join(max(deadline - monotonic(), 0))

    def _send_spans(self, failed: Callable[[], None]) -> None:
        try:
            self.spans = BatchSpanProcessor(CountingSpanExporter(failed))
        except ValueError as error:
            raise BadExport(f"OTEL_BSP_...: {error}") from None
        self._ends.append(self.spans.shutdown)

    def _send_metrics(self, failed: Callable[[], None]) -> None:
        bridge = MetricsBridge(self._instruments, self._resource)
        counted = CountingExporter(OTLPMetricExporter(), failed)
        every = seconds(self._environ, "OTEL_METRIC_EXPORT_INTERVAL", METRIC_INTERVAL)
        self._tick("metrics", lambda: counted.export(bridge.snapshot()), every)

    def _send_lines(self, failed: Callable[[], None]) -> None:
        counted = CountingExporter(OTLPLogExporter(), failed)
        sampled_only = self._sampled_lines_only and Signal.TRACES in self._wanted
        self.lines = LogBridge(self._resource, counted.export, failed, sampled_only=sampled_only)
        every = seconds(self._environ, "OTEL_BLRP_SCHEDULE_DELAY", LOG_INTERVAL)
        self._tick("logs", self.lines.export, every)

    def _tick(self, name: str, work: Callable[[], object], every: float) -> None:
        ticker = PeriodicThread(f"export of {name}", work, every=every)
        ticker.start()
        self._ends.append(ticker.close)
