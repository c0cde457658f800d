"""Log lines, sent over OTLP too: formatted once, gathered, encoded by a thread."""

from collections import deque
from collections.abc import Callable
from time import time_ns
from typing import NamedTuple

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.context import Context
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import TraceFlags

ROOM = 20_000  # lines
BATCH = 512
SCOPE = InstrumentationScope("jubilee")
SEVERITIES = {
    "debug": SeverityNumber.DEBUG,
    "info": SeverityNumber.INFO,
    "warning": SeverityNumber.WARN,
    "error": SeverityNumber.ERROR,
    "critical": SeverityNumber.FATAL,
}


class Line(NamedTuple):
    """A line as it was written, and when."""

    text: str
    level: str
    ids: tuple[int, int]
    at: int


class LogBridge:
    """Keeps lines until `export` is called; where the collector is slow, the latest are lost."""

    def __init__(
        self,
        resource: Resource,
        send: Callable[[list[ReadableLogRecord]], object],
        failed: Callable[[], None],
    ) -> None:
        """`failed` hears of every line that is lost."""
        self._resource = resource
        self._send = send
        self._failed = failed
        self._lines: deque[Line] = deque()

    def add(self, text: str, level: str, ids: tuple[int, int] | None) -> None:
        """Never waits."""
        if len(self._lines) >= ROOM:
            self._failed()
            return
        self._lines.append(Line(text, level, ids or (0, 0), time_ns()))

    def export(self) -> None:
        """Send what there is now."""
        for _ in range(-(-len(self._lines) // BATCH)):
            count = min(BATCH, len(self._lines))
            self._send([self._record(self._lines.popleft()) for _ in range(count)])

    def _record(self, line: Line) -> ReadableLogRecord:
        record = LogRecord(
            timestamp=line.at,
            observed_timestamp=line.at,
            context=NOWHERE,
            severity_text=line.level.upper(),
            severity_number=SEVERITIES.get(line.level, SeverityNumber.INFO),
            body=line.text,
        )
        record.trace_id, record.span_id = line.ids
        record.trace_flags = TraceFlags.get_default()
        return ReadableLogRecord(record, self._resource, SCOPE)


NOWHERE = Context()
