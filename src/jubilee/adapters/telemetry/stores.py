"""Metrics and spans of PostgreSQL and Redis calls; slow statements are logged."""

from time import monotonic

from asyncpg import PostgresError

from jubilee.adapters.telemetry.counters import Histogram
from jubilee.adapters.telemetry.exceptions import kind_of
from jubilee.adapters.telemetry.instruments import Instruments
from jubilee.adapters.telemetry.logs import WriteLine, unwritten
from jubilee.adapters.telemetry.tracing import Attributes, Tracing, is_recorded
from jubilee.observation.storage import PoolObserver, StatementInfo

OPERATIONS = frozenset(
    {"SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "BEGIN", "COMMIT", "ROLLBACK"}
)
LOG_INTERVAL_S = 30.0  # between two lines about the same outage


class OutageLog:
    """Logs a failure if its cause is new, or the last line is LOG_INTERVAL_S old."""

    def __init__(self, write_line: WriteLine, event: str) -> None:
        self._write_line, self._event = write_line, event
        self._last: tuple[str, float] = ("", 0.0)

    def failed(self, cause: str) -> None:
        """Write a line about the failure, unless there is one about the same outage."""
        before, at = self._last
        if cause != before or monotonic() - at > LOG_INTERVAL_S:
            self._last = (cause, monotonic())
            self._write_line(self._event, level="warning", cause=cause)


class DatabaseTelemetry(PoolObserver):
    """Records statements and the use of the connection pool."""

    def __init__(
        self,
        instruments: Instruments,
        tracing: Tracing,
        write_line: WriteLine,
        *,
        server_attributes: Attributes,
        slow: float,
    ) -> None:
        """Statements of `slow` seconds or more are logged; `server_attributes` are for spans."""
        self._write_line = write_line
        self._instruments = instruments
        self._tracing = tracing
        self._attributes = {"db.system.name": "postgresql", **server_attributes}
        self._slow = slow
        self._operations: dict[str, Histogram] = {}
        self._statements: dict[str, Attributes] = {}  # one for each statement of the service
        self._outages = OutageLog(write_line, "PostgreSQL cannot be used")

    def acquired(self, waited: float) -> None:
        self._instruments.pool_wait.observe(waited)

    def failed(self, reason: str) -> None:
        """Count the failure, and log it."""
        self._instruments.connection_failures.inc()
        self._outages.failed(reason)

    def executed(
        self, statement: StatementInfo, seconds: float, error: BaseException | None
    ) -> None:
        child = self._operations.get(statement.operation) or self._new(statement.operation)
        child.observe(seconds)
        if seconds >= self._slow:
            self._instruments.slow_statements.inc()
            fields = {"duration_ms": round(seconds * 1000), "sql": statement.display}
            self._write_line("slow statement", level="warning", **fields)
        if is_recorded():
            self._trace(statement, seconds, error)

    def shared(self, statement: StatementInfo, seconds: float, error: BaseException | None) -> None:
        """Trace the caller's wait; the statement itself is counted where it is run."""
        if is_recorded():
            self._trace(statement, seconds, error)

    def _trace(self, statement: StatementInfo, seconds: float, error: BaseException | None) -> None:
        attributes = self._statements.get(statement.display) or self._describe(statement)
        if isinstance(error, PostgresError) and error.sqlstate:
            attributes = {**attributes, "db.response.status_code": error.sqlstate}
        failure = None if error is None else kind_of(error)
        self._tracing.record(statement.summary, attributes, seconds, failure)

    def _describe(self, statement: StatementInfo) -> Attributes:
        attributes = {
            **self._attributes,
            "db.operation.name": statement.operation,
            "db.query.summary": statement.summary,
            "db.query.text": statement.display,
        }
        found = self._statements[statement.display] = self._tracing.limited(attributes)
        return found

    def _new(self, operation: str) -> Histogram:
        label = operation if operation in OPERATIONS else "OTHER"
        child = self._instruments.statement_seconds.labels(label)
        self._operations[operation] = child
        return child


class RedisTelemetry:
    """Records Redis commands and cache lookups."""

    def __init__(
        self,
        instruments: Instruments,
        tracing: Tracing,
        server_attributes: Attributes,
        write_line: WriteLine = unwritten,
    ) -> None:
        """`server_attributes` are for spans; `failed` logs the cause of a failure."""
        self.failed = OutageLog(write_line, "Redis does not answer").failed
        self._instruments = instruments
        self._tracing = tracing
        self._attributes = {"db.system.name": "redis", **server_attributes}

    def executed(self, command: str, seconds: float, *, failure: BaseException | None) -> None:
        """Record a command that has ended."""
        self._instruments.redis_seconds.observe(seconds)
        self._instruments.redis_up.set(failure is None)
        if is_recorded():
            attributes = {**self._attributes, "db.operation.name": command}
            failed = None if failure is None else kind_of(failure)
            self._tracing.record(command, attributes, seconds, failed)

    def lookup(self, cache: str, outcome: str) -> None:
        """Count a cache lookup; `outcome` is hit, miss or error."""
        self._instruments.cache.labels(cache, outcome).inc()
