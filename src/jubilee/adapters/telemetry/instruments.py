"""Every metric by name, with its labels; what may be a label is bounded by what is known."""

import gc
from collections.abc import Sequence

from prometheus_client import (
    CollectorRegistry,
    Gauge,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
)

from jubilee.adapters.telemetry.counters import CounterFamily, HistogramFamily

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.3, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
QUICK = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
SLOW = (0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 1800, 3600)
BYTES = (128, 512, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304)


class Instruments:
    """The metrics of one process, in a registry of their own."""

    def __init__(self, version: str) -> None:
        """`version` is shown by `jubilee_build_info`."""
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        if hasattr(gc, "callbacks"):
            GCCollector(registry=self.registry)
        self._gauge("jubilee_build_info", "What runs here.", ("version",)).labels(version).set(1)
        self._http()
        self._stores()
        self._jobs()
        self._backlog()
        self.export_failures = self._counter(
            "telemetry_export_failures", "Batches that no collector took.", ("signal",)
        )
        self.lines_lost = self._counter(
            "log_lines_lost", "Lines that found no room, for nobody reads them in time."
        ).labels()
        self.loop_lag = self._histogram(
            "event_loop_lag_seconds", "How late the event loop wakes.", (), QUICK
        ).labels()

    def _http(self) -> None:
        route = ("method", "endpoint")
        self.requests = self._counter("http_requests", "Requests answered.", (*route, "status"))
        self.request_seconds = self._histogram(
            "http_request_duration_seconds",
            "From the request to the end of its answer.",
            (*route, "status_class"),
            SECONDS,
        )
        self.request_bytes = self._histogram(
            "http_request_size_bytes", "Bodies that came in.", route, BYTES
        )
        self.response_bytes = self._histogram(
            "http_response_size_bytes", "Bodies that went out.", route, BYTES
        )
        self.in_flight = self._gauge("http_requests_in_flight", "Requests under way.")
        self.connections = self._gauge("http_connections", "Open connections of clients.")
        self.connections_ended = self._counter(
            "http_connections_ended",
            "Connections ended by the service: beyond the limit, or past a deadline.",
            ("reason",),
        )

    def _stores(self) -> None:
        self.statement_seconds = self._histogram(
            "db_client_operation_duration_seconds", "One statement.", ("operation",), QUICK
        )
        self.slow_statements = self._counter(
            "db_slow_statements", "Statements past SLOW_QUERY_MS."
        ).labels()
        self.pool_connections = self._gauge(
            "db_pool_connections", "Connections of this process.", ("state",)
        )
        self.pool_size = self._gauge("db_pool_connections_max", "As many as there may be.")
        self.pool_wait = self._histogram(
            "db_pool_wait_seconds", "The wait for a connection.", (), QUICK
        ).labels()
        self.connection_failures = self._counter(
            "db_connection_failures", "Uses of the database that failed for want of it."
        ).labels()
        self.redis_seconds = self._histogram(
            "redis_client_operation_duration_seconds", "One command.", (), QUICK
        ).labels()
        self.redis_up = self._gauge("redis_up", "Whether Redis answered when last asked.")
        self.cache = self._counter("cache_requests", "Looks into a cache.", ("cache", "outcome"))

    def _jobs(self) -> None:
        self.jobs_enqueued = self._counter("jobs_enqueued", "Jobs committed.", ("kind",))
        self.jobs_started = self._counter("jobs_started", "Attempts begun.", ("kind", "lane"))
        self.jobs_finished = self._counter(
            "jobs_finished", "Attempts ended, by how.", ("kind", "outcome")
        )
        self.job_seconds = self._histogram("job_duration_seconds", "One attempt.", ("kind",), SLOW)
        self.job_wait = self._histogram(
            "job_queue_wait_seconds", "From being due to being claimed.", ("lane",), SLOW
        )
        self.job_whole = self._histogram(
            "job_end_to_end_seconds", "From being asked for to success.", ("kind",), SLOW
        )
        self.jobs_running = self._gauge("jobs_running", "Jobs under way in this process.")
        self.jobs_dispatched = self._counter(
            "jobs_dispatched", "Jobs the relay sent to Redis."
        ).labels()
        self.jobs_rescued = self._counter("jobs_rescued", "Jobs whose worker went away.").labels()
        self.relay_success = self._gauge(
            "relay_last_success_timestamp_seconds", "When the relay last finished a round."
        )

    def _backlog(self) -> None:
        self.jobs_state = self._gauge("jobs_state", "Jobs by state.", ("lane", "status"))
        self.oldest_due = self._gauge(
            "jobs_oldest_due_age_seconds", "How long the oldest due job waits.", ("lane",)
        )
        self.without_worker = self._gauge(
            "jobs_without_worker", "Due jobs that no live worker can run.", ("kind",)
        )
        self.overdue = self._gauge("jobs_leases_overdue", "Leases that ran out.")
        self.oldest_event = self._gauge(
            "events_oldest_unpublished_seconds", "How long the oldest event waits."
        )
        self.greetings = self._gauge("greetings_state", "This year's greetings.", ("state",))
        self.greetings_missing = self._gauge(
            "greetings_missing", "Greetings that should have been sent an hour ago."
        )
        self.planned_until = self._gauge(
            "greetings_planned_until_timestamp_seconds", "Up to when greetings are planned."
        )
        self.workers_alive = self._gauge("workers_alive", "Workers that were heard of lately.")

    def _counter(self, name: str, text: str, labels: Sequence[str] = ()) -> CounterFamily:
        return CounterFamily(self.registry, name, text, labels)

    def _gauge(self, name: str, text: str, labels: Sequence[str] = ()) -> Gauge:
        return Gauge(name, text, labels, registry=self.registry)

    def _histogram(
        self, name: str, text: str, labels: Sequence[str], buckets: Sequence[float]
    ) -> HistogramFamily:
        return HistogramFamily(self.registry, name, text, labels=labels, bounds=buckets)
