"""Metrics of jobs, the span of each attempt, and one log line an attempt."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from time import time
from typing import Any
from uuid import UUID

from opentelemetry import trace
from opentelemetry.context import attach, detach
from opentelemetry.trace import Link, Span, SpanKind

from jubilee.adapters.telemetry.exceptions import kind_of
from jubilee.adapters.telemetry.instruments import Instruments
from jubilee.adapters.telemetry.logs import WriteLine
from jubilee.adapters.telemetry.sampling import NO_PARENT
from jubilee.adapters.telemetry.tracing import Tracing, mark_failed, origin_context, trace_headers
from jubilee.domain.errors import DomainError
from jubilee.domain.jobs.backlog import Backlog
from jubilee.domain.jobs.kinds import JobError
from jubilee.domain.jobs.runner import JobObserver, Outcome
from jubilee.domain.jobs.store import ClaimedJob
from jubilee.observation.jobs import RelayObserver, TraceContext, TracePropagator

SAME_TRACE_S = 3600.0  # an older job starts a new trace, linked to its producer's
SYSTEM = "jubilee"
EXPECTED = (DomainError, JobError)


@dataclass(frozen=True, slots=True)
class CurrentJob:
    """The job that the current task runs."""

    claimed: ClaimedJob
    span: Span
    token: Any


current_job: ContextVar[CurrentJob | None] = ContextVar("current_job", default=None)
"""The job that the current task runs; None outside of a job."""


class JobTelemetry(JobObserver, RelayObserver):
    """Counts, traces and logs attempts; shows the backlog."""

    def __init__(self, instruments: Instruments, tracing: Tracing, write_line: WriteLine) -> None:
        """`write_line` writes a log line from an event and its fields."""
        self._instruments = instruments
        self._tracing = tracing
        self._write_line = write_line

    def started(self, claimed: ClaimedJob) -> None:
        self._instruments.jobs_running.inc()
        self._instruments.jobs_started.labels(claimed.kind, claimed.queue.value).inc()
        self._instruments.job_wait.labels(claimed.queue.value).observe(claimed.waited)
        span = self._consumer(claimed)
        current_job.set(CurrentJob(claimed, span, attach(trace.set_span_in_context(span))))

    def failed(self, error: BaseException) -> None:
        if isinstance(error, EXPECTED):
            mark_failed(trace.get_current_span(), kind_of(error))
            self._write_line("job failed", level="warning", error=kind_of(error))
        else:
            self._write_line("job failed", level="error", exc_info=error)

    def ended(self, claimed: ClaimedJob, outcome: Outcome, seconds: float) -> None:
        self._instruments.jobs_running.dec()
        self._instruments.jobs_finished.labels(claimed.kind, outcome.value).inc()
        self._instruments.job_seconds.labels(claimed.kind).observe(seconds)
        if outcome is Outcome.SUCCEEDED:
            self._instruments.job_whole.labels(claimed.kind).observe(claimed.age + seconds)
        self._write_line(
            "job",
            outcome=outcome.value,
            attempt=claimed.attempt,
            queue=claimed.queue.value,
            duration_ms=round(seconds * 1000, 2),
            waited_ms=round(claimed.waited * 1000, 2),
        )
        current = current_job.get()
        assert current is not None, "an attempt ends in the context that it started in"
        current.span.set_attribute("jubilee.job.outcome", outcome.value)
        current.span.end()
        detach(current.token)
        current_job.set(None)

    def enqueued(self, kind: str) -> None:
        """Count a job that was committed."""
        self._instruments.jobs_enqueued.labels(kind).inc()

    def dispatched(self, count: int) -> None:
        self._instruments.jobs_dispatched.inc(count)
        self._instruments.relay_success.set(time())

    def rescued(self, count: int) -> None:
        self._instruments.jobs_rescued.inc(count)

    def record_backlog(self, backlog: Backlog) -> None:
        gauges = self._instruments
        for (queue, status), count in backlog.jobs.items():
            gauges.jobs_state.labels(queue, status).set(count)
        for queue, seconds in backlog.oldest_due.items():
            gauges.oldest_due.labels(queue).set(seconds)
        gauges.without_worker.clear()  # a kind without waiting jobs has no series
        for kind, count in backlog.without_worker.items():
            gauges.without_worker.labels(kind).set(count)
        gauges.overdue.set(backlog.overdue)
        gauges.oldest_event.set(backlog.oldest_event)
        gauges.workers_alive.set(backlog.workers)
        gauges.workers_silent.set(backlog.workers_silent)
        for state, count in backlog.greetings.items():
            gauges.greetings.labels(state).set(count)
        gauges.planned_until.set(backlog.greetings_planned_until)
        gauges.greetings_missing.set(backlog.greetings_missing)

    def _consumer(self, claimed: ClaimedJob) -> Span:
        """Start the consumer span: the producer's child, or a linked root if the job is old."""
        producer = origin_context(claimed.trace_context)
        is_late = claimed.age > SAME_TRACE_S
        parent = trace.set_span_in_context(trace.NonRecordingSpan(producer), NO_PARENT)
        return self._tracing.tracer.start_span(
            f"process {claimed.kind}",
            context=NO_PARENT if is_late else parent,
            kind=SpanKind.CONSUMER,
            links=[Link(producer)] if is_late and producer.is_valid else (),
            attributes={
                **_message(claimed.kind, claimed.id, "process"),
                "messaging.destination.name": claimed.queue.value,
                "jubilee.job.attempt": claimed.attempt,
                "jubilee.job.epoch": claimed.epoch,
            },
        )


class JobTracePropagator(TracePropagator):
    """Stores the current trace with rows of jobs and events."""

    def __init__(self, tracing: Tracing) -> None:
        self._tracing = tracing

    def current(self) -> TraceContext | None:
        return trace_headers()

    @contextmanager
    def for_job(self, kind: str, job_id: UUID) -> Iterator[TraceContext | None]:
        """Open the producer span around an insert; the attempts become its children."""
        with self._tracing.span(f"send {kind}", SpanKind.PRODUCER, _message(kind, job_id, "send")):
            yield trace_headers()


def _message(kind: str, job_id: UUID, operation: str) -> dict[str, str]:
    return {
        "messaging.system": SYSTEM,
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
        "messaging.message.id": str(job_id),
        "jubilee.job.kind": kind,
    }
