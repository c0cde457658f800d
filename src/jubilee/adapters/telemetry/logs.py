"""Logging with structlog: our lines and the libraries', each with its request or job."""

import json
import logging
import sys
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Protocol, TypeAlias

import structlog
from opentelemetry import trace
from structlog.stdlib import ExtraAdder, ProcessorFormatter, add_logger_name
from structlog.types import EventDict, Processor, WrappedLogger

from jubilee.adapters.telemetry.counters import Counter
from jubilee.adapters.telemetry.exceptions import fingerprint, kind_of, stack
from jubilee.adapters.telemetry.line_writer import LineWriter
from jubilee.adapters.telemetry.tracing import TraceIds, current_ids, record_failure

SILENCED = (
    "opentelemetry.exporter",
    "opentelemetry.sdk._shared_internal",
    "opentelemetry.trace",
    "sentry_sdk",
    "urllib3",
)
"""Loggers that are silenced.

Failed exports are counted; their lines would be exported, too. A malformed `tracestate` would be
quoted.
"""

ERRORS_ONLY = ("arq",)
"""Loggers whose errors alone are written: ARQ logs each job twice, and warns of its own retries."""

REDUNDANT_FIELDS = ("color_message", "extra")
"""Fields of uvicorn and ARQ that repeat the message or are empty."""

WriteLine: TypeAlias = Callable[..., None]
"""Writes a log line: event, optional level, fields."""

LogContext: TypeAlias = Callable[[], Mapping[str, str]]
"""Returns the fields of the current request, user and job, which each line carries."""

ReportError: TypeAlias = Callable[[Mapping[str, object], BaseException | None], None]
"""Reports the fields of a line, and its exception, to an error tracker; must not raise."""

SEVERE_LEVELS = frozenset({"error", "critical"})

encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=repr).encode


class LineBridge(Protocol):
    """Takes each line for an export; must not wait and must not raise."""

    def add(self, text: str, level: str, ids: TraceIds | None, at: int | None = None) -> None:
        """Take a line; `at`, in nanoseconds since 1970, defaults to now."""

    def export(self) -> None:
        """Send all lines that were taken."""


def unwritten(event: str, level: str = "info", **fields: object) -> None:
    """Discard the line."""


class Logs:
    """The logging of a process, started once."""

    def __init__(
        self,
        writer: LineWriter,
        log_context: LogContext,
        *,
        level: str,
        readable: bool,
        whole: bool = False,
    ) -> None:
        """`readable`: text for a terminal; else each line is JSON.

        `whole`: show the messages of all exceptions, which may contain user data.
        """
        self.bridge: LineBridge | None = None
        """The export over OTLP, if there is one."""
        self.report_error: ReportError | None = None
        """Receives each line of the level ERROR or CRITICAL, and the exception that it is about."""
        self.process: int | None = None
        """Number of this process among several of one parent: a field of each line."""
        self.is_readable = readable
        self.writes_info = logging.getLevelName(level) <= logging.INFO
        """Whether lines of the level INFO are written."""
        self._writer = writer
        self._log_context = log_context
        self._level = level
        self._whole = whole
        self._console = structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty(), sort_keys=False)
        processors: list[Processor] = [
            structlog.processors.add_log_level,
            self._complete,
            self._render,
        ]
        self._log = structlog.wrap_logger(
            _Output(writer),
            processors=processors,
            wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        ).bind()

    def write(self, event: str, level: str = "info", **fields: object) -> None:
        """Write a line directly, without the cost of the standard library's loggers."""
        getattr(self._log, level)(event, **fields)

    def put(self, text: str, level: str, ids: TraceIds | None, at: int) -> None:
        """Write a formatted line; `at` is its time in nanoseconds since 1970."""
        self._writer.write(text)
        if self.bridge is not None:
            self.bridge.add(text, level, ids, at)

    def count_lost(self, lost: Counter) -> None:
        """Count dropped lines by `lost`."""
        self._writer.lost = lost

    def start(self) -> None:
        """Route the standard library's loggers here; libraries log INFO and above only."""
        handler = _LogHandler(self._writer)
        handler.setFormatter(
            ProcessorFormatter(
                foreign_pre_chain=[
                    structlog.processors.add_log_level,
                    add_logger_name,
                    ExtraAdder(),
                ],
                processors=[
                    ProcessorFormatter.remove_processors_meta,
                    self._complete,
                    self._render,
                ],
            )
        )
        root = logging.getLogger()
        root.handlers = [handler]
        root.setLevel(max(logging.getLevelName(self._level), logging.INFO))
        logging.getLogger("jubilee").setLevel(self._level)
        for name in SILENCED:
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        for name in ERRORS_ONLY:
            logging.getLogger(name).setLevel(logging.ERROR)
        logging.captureWarnings(capture=True)

    def _complete(self, _: WrappedLogger, __: str, event: EventDict) -> EventDict:
        line: EventDict = {
            "timestamp": _now(),
            "level": event.pop("level"),
            "event": event.pop("event"),
        }
        if self.process is not None:
            line["process"] = self.process
        line.update(event)
        line.update(self._log_context())
        ids = current_ids()
        if ids is not None:
            line["trace_id"], line["span_id"] = f"{ids.trace_id:032x}", f"{ids.span_id:016x}"
        for name in REDUNDANT_FIELDS:
            line.pop(name, None)
        error = _error(line.pop("exc_info", None))
        if error is not None:
            self._describe(line, error)
        if self.report_error is not None and line["level"] in SEVERE_LEVELS:
            self.report_error(line, error)
        return line

    def _describe(self, line: EventDict, error: BaseException) -> None:
        line["error"] = kind_of(error)
        line["fingerprint"] = fingerprint(error)
        line["exception"] = stack(error, whole=self._whole)
        record_failure(trace.get_current_span(), error)

    def _render(self, logger: WrappedLogger, method: str, event: EventDict) -> str:
        if self.bridge is not None:
            text = encode(event)
            self.bridge.add(text, event["level"], current_ids())
            if not self.is_readable:
                return text
        return self._console(logger, method, event) if self.is_readable else encode(event)


class _Output:
    """The writer with the methods that structlog calls."""

    def __init__(self, writer: LineWriter) -> None:
        self.debug = self.info = self.warning = self.error = self.critical = writer.write


class _LogHandler(logging.Handler):
    """Passes the standard library's records to the writer."""

    def __init__(self, writer: LineWriter) -> None:
        super().__init__()
        self._writer = writer

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record; never raises, even if it cannot be formatted."""
        try:
            self._writer.write(self.format(record))
        except Exception:
            self.handleError(record)

    def flush(self) -> None:
        """Wait until all lines are written, for at most CLOSE_TIMEOUT_S."""
        self._writer.flush()


def _now() -> str:
    """The time with microseconds, which `isoformat` omits if they are zero."""
    return datetime.now(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def _error(found: object) -> BaseException | None:
    """Return the exception that a logger's `exc_info` means: itself, its tuple, or the current."""
    if isinstance(found, tuple):
        found = found[1]
    elif found is True:
        found = sys.exc_info()[1]
    return found if isinstance(found, BaseException) else None


def log_crashes() -> None:
    """Log unhandled exceptions, which the interpreter would print to standard error."""
    sys.excepthook = _crashed
    threading.excepthook = _thread_crashed
    sys.unraisablehook = _unraisable


def _crashed(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, traceback)
        return
    logging.getLogger("jubilee").critical("unhandled exception", exc_info=error)


def _thread_crashed(args: threading.ExceptHookArgs) -> None:
    if issubclass(args.exc_type, SystemExit):
        return
    name = args.thread.name if args.thread else None
    logging.getLogger("jubilee").error(
        "unhandled exception in thread", exc_info=args.exc_value, extra={"thread_name": name}
    )


def _unraisable(args: "sys.UnraisableHookArgs") -> None:
    logging.getLogger("jubilee").error("unraisable exception", exc_info=args.exc_value)
