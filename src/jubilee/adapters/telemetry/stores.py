"""PostgreSQL and Redis, as this process uses them: counted, traced, and what is slow is logged."""

from time import monotonic

from asyncpg import PostgresError

from jubilee.adapters.telemetry.counters import Histogram
from jubilee.adapters.telemetry.exceptions import kind_of
from jubilee.adapters.telemetry.instruments import Instruments
from jubilee.adapters.telemetry.logs import WriteLine
from jubilee.adapters.telemetry.tracing import Attributes, Tracing, is_recorded
from jubilee.observation.storage import PoolObserver, StatementInfo

OPERATIONS = frozenset(
    {"SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "BEGIN", "COMMIT", "ROLLBACK"}
)
LOG_INTERVAL_S = 30.0  # seconds until the same trouble is told of once more


class DatabaseTelemetry(PoolObserver):
    """Statements and connections."""

    def __init__(
        self,
        instruments: Instruments,
        tracing: Tracing,
        write_line: WriteLine,
        *,
        server_attributes: Attributes,
        slow: float,
    ) -> None:
        """`place` says, as attributes of spans, where the database is; `slow` counts seconds."""
        self._write_line = write_line
        self._instruments = instruments
        self._tracing = tracing
        self._place = {"db.system.name": "postgresql", **server_attributes}
        self._slow = slow
        self._operations: dict[str, Histogram] = {}
        self._statements: dict[str, Attributes] = {}  # as many as the service knows
        self._told: tuple[str, float] = ("", 0.0)

    def acquired(self, waited: float) -> None:
        """Somebody has a connection."""
        self._instruments.pool_wait.observe(waited)

    def failed(self, cause: BaseException | None) -> None:
        """A use failed for want of the database; an outage is told of now and then."""
        self._instruments.connection_failures.inc()
        why = _why(cause)
        before, at = self._told
        if why != before or monotonic() - at > LOG_INTERVAL_S:
            self._told = (why, monotonic())
            self._write_line("PostgreSQL cannot be used", level="warning", cause=why)

    def executed(
        self, statement: StatementInfo, seconds: float, error: BaseException | None
    ) -> None:
        """A statement has been run, well or not."""
        child = self._operations.get(statement.operation) or self._new(statement.operation)
        child.observe(seconds)
        if seconds >= self._slow:
            self._instruments.slow_statements.inc()
            fields = {"duration_ms": round(seconds * 1000), "sql": statement.display}
            self._write_line("slow statement", level="warning", **fields)
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
            **self._place,
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
    """Commands on the request path, and the caches that live on them."""

    def __init__(
        self, instruments: Instruments, tracing: Tracing, server_attributes: Attributes
    ) -> None:
        """`place` says, as attributes of spans, where Redis is."""
        self._instruments = instruments
        self._tracing = tracing
        self._place = {"db.system.name": "redis", **server_attributes}

    def executed(self, command: str, seconds: float, *, failure: BaseException | None) -> None:
        """A command has ended."""
        self._instruments.redis_seconds.observe(seconds)
        self._instruments.redis_up.set(failure is None)
        if is_recorded():
            attributes = {**self._place, "db.operation.name": command}
            failed = None if failure is None else kind_of(failure)
            self._tracing.record(command, attributes, seconds, failed)

    def lookup(self, cache: str, outcome: str) -> None:
        """Somebody looked into a cache: hit, miss or error."""
        self._instruments.cache.labels(cache, outcome).inc()


def _why(error: BaseException | None) -> str:
    """What it began with: SQLAlchemy wraps what the driver says."""
    if error is None:
        return "unknown"
    while error.__cause__ is not None:
        error = error.__cause__
    said = f": {error}" if isinstance(error, OSError) and str(error) else ""
    return kind_of(error) + said
