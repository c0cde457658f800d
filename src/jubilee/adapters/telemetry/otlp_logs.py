"""Log lines over OTLP: formatted once, buffered, and encoded by a thread."""

from collections import deque
from collections.abc import Callable
from time import time_ns
from typing import NamedTuple

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import TraceFlags

from jubilee.adapters.telemetry.sampling import NO_PARENT
from jubilee.adapters.telemetry.tracing import TraceIds

MAX_LINES = 20_000  # lines
BATCH_SIZE = 512  # lines
NO_TRACE_IDS = TraceIds(0, 0, sampled=False)
FREQUENT_LEVELS = frozenset({"debug", "info"})
SCOPE = InstrumentationScope("jubilee")
SEVERITIES = {
    "debug": SeverityNumber.DEBUG,
    "info": SeverityNumber.INFO,
    "warning": SeverityNumber.WARN,
    "error": SeverityNumber.ERROR,
    "critical": SeverityNumber.FATAL,
}


class LogLine(NamedTuple):
    """A formatted line; `at` is in nanoseconds since 1970."""

    text: str
    level: str
    ids: TraceIds
    at: int


class LogBridge:
    """Buffers lines until `export` is called; with a full buffer, new lines are dropped.

    With `sampled_only`, lines below WARNING follow the trace sampler: those of requests and jobs
    that are not sampled are not sent. Encoding a line costs more than all else about a request.
    """

    def __init__(
        self,
        resource: Resource,
        send: Callable[[list[ReadableLogRecord]], object],
        failed: Callable[[], None],
        *,
        sampled_only: bool = False,
    ) -> None:
        """`failed` is called for each dropped line."""
        self._sampled_only = sampled_only
        self._resource = resource
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
            count = min(BATCH_SIZE, len(self._lines))
            self._send([self._record(self._lines.popleft()) for _ in range(count)])

    def _record(self, line: LogLine) -> ReadableLogRecord:
        record = LogRecord(
            timestamp=line.at,
            observed_timestamp=line.at,
            context=NO_PARENT,
            severity_text=line.level.upper(),
            severity_number=SEVERITIES.get(line.level, SeverityNumber.INFO),
            body=line.text,
        )
        record.trace_id, record.span_id, sampled = line.ids
        record.trace_flags = TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT)
        return ReadableLogRecord(record, self._resource, SCOPE)
