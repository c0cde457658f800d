"""Log lines by structlog: ours and those of the libraries, each with where it was written."""

import json
import logging
import sys
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeAlias

import structlog
from opentelemetry import trace
from structlog.stdlib import ExtraAdder, ProcessorFormatter, add_logger_name
from structlog.types import EventDict, Processor, WrappedLogger

from jubilee.adapters.telemetry.counters import Counter
from jubilee.adapters.telemetry.exceptions import fingerprint, kind_of, stack
from jubilee.adapters.telemetry.line_writer import LineWriter
from jubilee.adapters.telemetry.otlp_logs import LogBridge
from jubilee.adapters.telemetry.tracing import TraceIds, current_ids, record_failure

QUIET = ("opentelemetry.exporter", "opentelemetry.sdk._shared_internal", "opentelemetry.trace")
"""A dead collector is counted; a line each time would be sent to it, too.

And a `tracestate` that nobody can read would be quoted, whatever it holds.
"""

GRAVE = ("arq",)
"""Two lines a job are dear, and its warnings speak of what PostgreSQL decides here."""

EMPTY = ("color_message", "extra")
"""What uvicorn says twice, and ARQ without saying anything."""

WriteLine: TypeAlias = Callable[..., None]
"""Writes a line: its event, perhaps its level, and its fields."""

LogContext: TypeAlias = Callable[[], Mapping[str, str]]
"""What a line says of where it was written: the request, the user, the job."""

encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=repr).encode


def unwritten(event: str, level: str = "info", **fields: object) -> None:
    """Where no lines are written."""


class Logs:
    """Where lines go; one for a process, started once."""

    def __init__(
        self,
        writer: LineWriter,
        log_context: LogContext,
        *,
        level: str,
        readable: bool,
        whole: bool = False,
    ) -> None:
        """`readable` is for people at a terminal; else a line is a JSON object.

        `whole` shows what exceptions say, and so perhaps what somebody has sent.
        """
        self.bridge: LogBridge | None = None
        """Where lines go, too."""
        self.is_readable = readable
        self.informs = logging.getLevelName(level) <= logging.INFO
        """Whether lines of the level INFO are written."""
        self._writer = writer
        self._whereabouts = log_context
        self._level = level
        self._whole = whole
        self._console = structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty(), sort_keys=False)
        quick: list[Processor] = [structlog.processors.add_log_level, self._complete, self._render]
        self._log = structlog.wrap_logger(
            _Output(writer),
            processors=quick,
            wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        ).bind()

    def write(self, event: str, level: str = "info", **fields: object) -> None:
        """A line that is written often: it passes by the standard library's machinery."""
        getattr(self._log, level)(event, **fields)

    def put(self, text: str, level: str, ids: TraceIds | None, at: int) -> None:
        """A line that is finished, of a moment that may be over; nanoseconds."""
        self._writer.write(text)
        if self.bridge is not None:
            self.bridge.add(text, level, ids, at)

    def count_lost(self, lost: Counter) -> None:
        """Where lines are counted that nobody reads in time."""
        self._writer.lost = lost

    def start(self) -> None:
        """From now on the standard library's loggers lead here; libraries never debug aloud."""
        handler = _Handler(self._writer)
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
        for name in QUIET:
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        for name in GRAVE:
            logging.getLogger(name).setLevel(logging.ERROR)
        logging.captureWarnings(capture=True)

    def _complete(self, _: WrappedLogger, __: str, event: EventDict) -> EventDict:
        line: EventDict = {
            "timestamp": _now(),
            "level": event.pop("level"),
            "event": event.pop("event"),
        }
        line.update(event)
        line.update(self._whereabouts())
        ids = current_ids()
        if ids is not None:
            line["trace_id"], line["span_id"] = f"{ids.trace_id:032x}", f"{ids.span_id:016x}"
        for name in EMPTY:
            line.pop(name, None)
        error = _error(line.pop("exc_info", None))
        if error is not None:
            self._describe(line, error)
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
    """The writer, by the names that structlog calls."""

    def __init__(self, writer: LineWriter) -> None:
        self.debug = self.info = self.warning = self.error = self.critical = writer.write


class _Handler(logging.Handler):
    """The standard library's way to the writer."""

    def __init__(self, writer: LineWriter) -> None:
        super().__init__()
        self._writer = writer

    def emit(self, record: logging.LogRecord) -> None:
        """Never raises: a line that cannot be formatted is no reason to fail."""
        try:
            self._writer.write(self.format(record))
        except Exception:
            self.handleError(record)

    def flush(self) -> None:
        """Until all is written, but not for long."""
        self._writer.flush()


def _now() -> str:
    """To the microsecond, even where there are none."""
    return datetime.now(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def _error(found: Any) -> BaseException | None:  # noqa: ANN401  # loggers take several things
    if isinstance(found, tuple):
        found = found[1]
    elif found is True:
        found = sys.exc_info()[1]
    return found if isinstance(found, BaseException) else None


def log_crashes() -> None:
    """What nobody catches becomes a line, too: by itself it would be told to standard error."""
    sys.excepthook = _crashed
    threading.excepthook = _thread_crashed
    sys.unraisablehook = _unraisable


def _crashed(kind: type[BaseException], error: BaseException, where: Any) -> None:  # noqa: ANN401  # the interpreter's
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, where)
        return
    logging.getLogger("jubilee").critical("unhandled exception", exc_info=error)


def _thread_crashed(what: threading.ExceptHookArgs) -> None:
    if issubclass(what.exc_type, SystemExit):
        return
    name = what.thread.name if what.thread else None
    logging.getLogger("jubilee").error(
        "unhandled exception in thread", exc_info=what.exc_value, extra={"thread_name": name}
    )


def _unraisable(what: Any) -> None:  # noqa: ANN401  # the interpreter's
    logging.getLogger("jubilee").error("unraisable exception", exc_info=what.exc_value)
