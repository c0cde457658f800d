"""Every metric by name, with its labels; label values come from bounded sets only."""

import gc
from collections.abc import Sequence

from prometheus_client import (
    CollectorRegistry,
    Gauge,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
)

from jubilee.adapters.telemetry.counters import CounterFamily, HistogramFamily, LabelValues

REQUEST_BUCKETS_S = (
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.3, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
)  # fmt: skip
CALL_BUCKETS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
JOB_BUCKETS_S = (0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 1800, 3600)
BODY_BUCKETS_BYTES = (128, 512, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304)
ROUTE = ("method", "endpoint")
REQUEST_LABELS = (*ROUTE, "status")
"""By these, requests are recorded; their histograms show fewer in the exposition."""


class StatusClassHistogramFamily(HistogramFamily):
    """Recorded by REQUEST_LABELS; exposes the class of the status, such as `2xx`."""

    def exposed(self, values: LabelValues) -> LabelValues:
        """Shorten the status to its class."""
        method, endpoint, status = values
        return method, endpoint, f"{status[0]}xx"


class RouteHistogramFamily(HistogramFamily):
    """Recorded by REQUEST_LABELS; exposes no status."""

    def exposed(self, values: LabelValues) -> LabelValues:
        """Leave the status out."""
        return values[:2]


class Instruments:
    """The metrics of one process, in a registry of their own."""

    def __init__(self, version: str, *, runs_jobs: bool = True) -> None:
        """`version` is the value of `jubilee_build_info`.

        Only a process that runs jobs exposes the metrics of attempts, relay and backlog: in any
        other they would be zeros that nothing updates.
        """
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        if hasattr(gc, "callbacks"):
            GCCollector(registry=self.registry)
        self._gauge("jubilee_build_info", "The version of this process.", ("version",)).labels(
            version
        ).set(1)
        self.process_restarts = self._counter(
            "process_restarts", "Processes that the parent of several started in place of this one."
        )
        self._http()
        self._attempts()
        self._storage()
        self._health()
        self.jobs_enqueued = self._counter(
            "jobs_enqueued", "Jobs committed by this process.", ("kind",)
        )
        registry = self.registry
        self.registry = registry if runs_jobs else CollectorRegistry()
        self._jobs()
        self._backlog()
        self.registry = registry

    def _http(self) -> None:
        self.requests = self._counter("http_requests", "Requests answered.", REQUEST_LABELS)
        self.requests_limited = self._counter(
            "http_requests_limited", "Requests beyond the rate limit.", ("policy",)
        )
        self.request_seconds = StatusClassHistogramFamily(
            self.registry,
            "http_request_duration_seconds",
            "Time from the arrival of a request to the end of its response.",
            labels=(*ROUTE, "status_class"),
            bounds=REQUEST_BUCKETS_S,
        )
        self.request_bytes = self._body_size("http_request_size_bytes", "Request body size.")
        self.response_bytes = self._body_size("http_response_size_bytes", "Response body size.")
        self.in_flight = self._gauge("http_requests_in_flight", "Requests being served.")
        self.connections = self._gauge("http_connections", "Open client connections.")
        self.connections_ended = self._counter(
            "http_connections_ended",
            "Connections closed by the service: over the limit or past a deadline.",
            ("reason",),
        )

    def _attempts(self) -> None:
        self.password_attempts = self._counter(
            "password_attempts", "Attempts at passwords, by outcome.", ("outcome",)
        )
        self.account_locks = self._counter(
            "account_locks", "Accounts locked after wrong passwords."
        ).labels()
        self.breach_checks = self._counter(
            "password_breach_checks", "New passwords looked for among leaked ones.", ("outcome",)
        )

    def _storage(self) -> None:
        self.statement_seconds = self._histogram(
            "db_client_operation_duration_seconds",
            "Duration of SQL statements.",
            ("operation",),
            CALL_BUCKETS_S,
        )
        self.slow_statements = self._counter(
            "db_slow_statements", "Statements slower than SLOW_QUERY_MS."
        ).labels()
        self.pool_connections = self._gauge(
            "db_pool_connections", "Database connections of this process.", ("state",)
        )
        self.pool_size = self._gauge("db_pool_connections_max", "Upper limit of the pool.")
        self.pool_wait = self._histogram(
            "db_pool_wait_seconds", "Wait for a pooled connection.", (), CALL_BUCKETS_S
        ).labels()
        self.connection_failures = self._counter(
            "db_connection_failures", "Operations that failed because the database was unavailable."
        ).labels()
        self.redis_seconds = self._histogram(
            "redis_client_operation_duration_seconds",
            "Duration of Redis commands.",
            (),
            CALL_BUCKETS_S,
        ).labels()
        self.redis_up = self._gauge("redis_up", "Whether the last Redis command succeeded.")
        self.cache = self._counter("cache_requests", "Cache lookups.", ("cache", "outcome"))

    def _health(self) -> None:
        self.export_failures = self._counter(
            "telemetry_export_failures",
            "Telemetry batches, and events of errors, that were not accepted.",
            ("signal",),
        )
        self.lines_lost = self._counter(
            "log_lines_lost", "Log lines dropped because the output buffer was full."
        ).labels()
        self.loop_lag = self._histogram(
            "event_loop_lag_seconds", "Delay of the event loop's timers.", (), CALL_BUCKETS_S
        ).labels()

    def _jobs(self) -> None:
        self.jobs_started = self._counter("jobs_started", "Attempts started.", ("kind", "lane"))
        self.jobs_finished = self._counter(
            "jobs_finished", "Attempts ended, by outcome.", ("kind", "outcome")
        )
        self.job_seconds = self._histogram(
            "job_duration_seconds", "Duration of attempts.", ("kind",), JOB_BUCKETS_S
        )
        self.job_wait = self._histogram(
            "job_queue_wait_seconds", "Time from due to claimed.", ("lane",), JOB_BUCKETS_S
        )
        self.job_whole = self._histogram(
            "job_end_to_end_seconds", "Time from enqueued to succeeded.", ("kind",), JOB_BUCKETS_S
        )
        self.jobs_running = self._gauge("jobs_running", "Jobs running in this process.")
        self.jobs_dispatched = self._counter(
            "jobs_dispatched", "Jobs that the relay sent to Redis, also repeatedly."
        ).labels()
        self.jobs_rescued = self._counter(
            "jobs_rescued", "Jobs requeued after their lease ran out."
        ).labels()
        self.relay_success = self._gauge(
            "relay_last_success_timestamp_seconds", "End of the relay's last successful round."
        )

    def _backlog(self) -> None:
        self.jobs_state = self._gauge(
            "jobs_state", "Jobs by state; an estimate above 10 000.", ("lane", "status")
        )
        self.oldest_due = self._gauge(
            "jobs_oldest_due_age_seconds", "Time since the oldest waiting job was due.", ("lane",)
        )
        self.without_worker = self._gauge(
            "jobs_without_worker", "Due jobs of kinds that no live worker runs.", ("kind",)
        )
        self.overdue = self._gauge("jobs_leases_overdue", "Running jobs whose lease has expired.")
        self.oldest_event = self._gauge(
            "events_oldest_unpublished_seconds", "Age of the oldest unpublished event."
        )
        self.greetings = self._gauge("greetings_state", "This year's greetings.", ("state",))
        self.greetings_missing = self._gauge(
            "greetings_missing", "Greetings that have been due for an hour and are not sent."
        )
        self.planned_until = self._gauge(
            "greetings_planned_until_timestamp_seconds", "End of the planned greetings."
        )
        self.workers_alive = self._gauge("workers_alive", "Workers with a recent heartbeat.")
        self.workers_silent = self._gauge(
            "workers_silent", "Workers that stopped within the last hour without deregistering."
        )

    def _counter(self, name: str, text: str, labels: Sequence[str] = ()) -> CounterFamily:
        return CounterFamily(self.registry, name, text, labels)

    def _gauge(self, name: str, text: str, labels: Sequence[str] = ()) -> Gauge:
        return Gauge(name, text, labels, registry=self.registry)

    def _histogram(
        self, name: str, text: str, labels: Sequence[str], bounds: Sequence[float]
    ) -> HistogramFamily:
        return HistogramFamily(self.registry, name, text, labels=labels, bounds=bounds)

    def _body_size(self, name: str, text: str) -> HistogramFamily:
        return RouteHistogramFamily(
            self.registry, name, text, labels=ROUTE, bounds=BODY_BUCKETS_BYTES
        )
