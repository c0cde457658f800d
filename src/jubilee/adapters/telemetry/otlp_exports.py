"""The OTLP exports of a process, and their shutdown."""

import threading
from collections.abc import Callable, Mapping
from functools import partial
from time import monotonic

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
from jubilee.adapters.telemetry.otlp_logs import LogBridge, LogExporter
from jubilee.adapters.telemetry.otlp_metrics import MetricsBridge
from jubilee.adapters.telemetry.periodic_thread import PeriodicThread

LOG_INTERVAL_S, METRIC_INTERVAL_S = 1.0, 60.0  # unless an OTEL_* variable says otherwise


class Exports:
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
        self.spans: SpanProcessor | None = None
        self.lines: LogBridge | None = None
        self._environ = environ
        self._sampled_lines_only = sampled_lines_only
        self._resource = resource
        self._instruments = instruments
        self._ends: list[Callable[[], None]] = []
        self._others: list[Callable[[float], None]] = []
        opens = {
            Signal.TRACES: self._send_spans,
            Signal.METRICS: self._send_metrics,
            Signal.LOGS: self._send_lines,
        }
        self._wanted = signals(environ)
        for signal in self._wanted:
            opens[signal](self._instruments.export_failures.labels(signal.value).inc)

    def close_too(self, close: Callable[[float], None]) -> None:
        """Let `close` call this with its timeout, in parallel to the signals."""
        self._others.append(close)

    def close(self, timeout: float) -> None:
        """Send what is left of all signals in parallel, for at most `timeout` seconds."""
        others: list[Callable[[], None]] = [partial(close, timeout) for close in self._others]
        threads = [threading.Thread(target=end, daemon=True) for end in self._ends + others]
        for thread in threads:
            thread.start()
        deadline = monotonic() + timeout
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
        counted = CountingExporter(OTLPMetricExporter().export, failed)
        interval_s = seconds(self._environ, "OTEL_METRIC_EXPORT_INTERVAL", METRIC_INTERVAL_S)
        self._start_thread("metrics", lambda: counted.export(bridge.snapshot()), interval_s)

    def _send_lines(self, failed: Callable[[], None]) -> None:
        counted = CountingExporter(LogExporter().send, failed)
        sampled_only = self._sampled_lines_only and Signal.TRACES in self._wanted
        self.lines = LogBridge(self._resource, counted.export, failed, sampled_only=sampled_only)
        interval_s = seconds(self._environ, "OTEL_BLRP_SCHEDULE_DELAY", LOG_INTERVAL_S)
        self._start_thread("logs", self.lines.export, interval_s)

    def _start_thread(self, name: str, work: Callable[[], object], interval_s: float) -> None:
        thread = PeriodicThread(f"export of {name}", work, interval_s=interval_s)
        thread.start()
        self._ends.append(thread.close)
