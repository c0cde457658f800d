"""Log lines, sent over OTLP too: formatted once, gathered, encoded by a thread."""

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

CAPACITY = 20_000  # lines
BATCH = 512
NONE = TraceIds(0, 0, sampled=False)
COMMON = frozenset({"debug", "info"})
SCOPE = InstrumentationScope("jubilee")
SEVERITIES = {
    "debug": SeverityNumber.DEBUG,
    "info": SeverityNumber.INFO,
    "warning": SeverityNumber.WARN,
    "error": SeverityNumber.ERROR,
    "critical": SeverityNumber.FATAL,
}


class LogLine(NamedTuple):
    """A line as it was written, and when."""

    text: str
    level: str
    ids: TraceIds
    at: int


class LogBridge:
    """Keeps lines until `export` is called; where the collector is slow, the latest are lost.

    The sampler decides for lines, too: encoding one costs more than all else that is done for a
    request. Those of a request or a job that is not sampled stay here, unless they warn.
    """

    def __init__(
        self,
        resource: Resource,
        send: Callable[[list[ReadableLogRecord]], object],
        failed: Callable[[], None],
        *,
        sampled_only: bool = False,
    ) -> None:
        """`failed` hears of every line that is lost; without traces there is nobody to follow."""
        self._sampled_only = sampled_only
        self._resource = resource
        self._send = send
        self._failed = failed
        self._lines: deque[LogLine] = deque()

    def add(self, text: str, level: str, ids: TraceIds | None, at: int | None = None) -> None:
        """Never waits; `at` is another moment than now, in nanoseconds."""
        if self._sampled_only and ids is not None and not ids.sampled and level in COMMON:
            return
        if len(self._lines) >= CAPACITY:
            self._failed()
            return
        self._lines.append(LogLine(text, level, ids or NONE, at or time_ns()))

    def export(self) -> None:
        """Send what there is now."""
        for _ in range(-(-len(self._lines) // BATCH)):
            count = min(BATCH, len(self._lines))
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
