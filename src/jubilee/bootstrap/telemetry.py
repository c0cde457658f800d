"""Telemetry of a process: metrics for Prometheus, and OTLP export of traces, metrics and logs."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import import_module
from typing import Any
from uuid import uuid4

from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from starlette.types import ASGIApp

from jubilee import __version__
from jubilee.adapters.telemetry.access_log import AccessLog
from jubilee.adapters.telemetry.attempts import AttemptTelemetry
from jubilee.adapters.telemetry.bad_export import BadExport
from jubilee.adapters.telemetry.breaches import BreachTelemetry
from jubilee.adapters.telemetry.connections import ConnectionTelemetry
from jubilee.adapters.telemetry.exports import Exports
from jubilee.adapters.telemetry.http import HttpTelemetry
from jubilee.adapters.telemetry.instruments import Instruments
from jubilee.adapters.telemetry.jobs import JobTelemetry, JobTracePropagator
from jubilee.adapters.telemetry.logs import Logs, WriteLine, unwritten
from jubilee.adapters.telemetry.otlp import resource, signals
from jubilee.adapters.telemetry.process_metrics import process_registry, serve_metrics
from jubilee.adapters.telemetry.samplers import exposition, sample_loop_lag
from jubilee.adapters.telemetry.stores import DatabaseTelemetry, RedisTelemetry
from jubilee.adapters.telemetry.tracing import Tracing
from jubilee.bootstrap.background_tasks import background_tasks
from jubilee.bootstrap.error_tracking import error_reporter
from jubilee.bootstrap.errors import BadConfiguration
from jubilee.bootstrap.metrics_listener import API, listen_for_scrapes
from jubilee.bootstrap.servers import ServerUrls
from jubilee.entrypoints.processes.slot import ProcessSlot
from jubilee.entrypoints.shutdown import ShutdownBudget
from jubilee.observation.requests import MetricsExposition
from jubilee.settings import Settings, export_variables
from jubilee.urls.parts import server_attributes

OTLP = "jubilee.adapters.telemetry.otlp_exports"
"""Imported where a collector is set: the encoders take a fifteenth of the start."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ProcessInfo:
    """A long-running process: its name, the port of its metrics, and its logs.

    `slot` is its place among several of one parent, which then serves the metrics of all.
    """

    name: str
    metrics_port: int | None
    logs: Logs
    slot: ProcessSlot | None = None


@dataclass(frozen=True, slots=True)
class Telemetry:
    """The telemetry of a process; each attribute observes one part of it."""

    instruments: Instruments
    tracing: Tracing
    http: HttpTelemetry
    connections: ConnectionTelemetry
    database: DatabaseTelemetry
    redis: RedisTelemetry
    attempts: AttemptTelemetry
    breaches: BreachTelemetry
    jobs: JobTelemetry
    propagator: JobTracePropagator
    exports: Exports = field(default_factory=Exports)
    slot: ProcessSlot | None = None

    @property
    def exposition(self) -> MetricsExposition:
        """Renders the metrics of all processes in Prometheus' text format."""

        async def text() -> bytes:
            self.http.flush()
            if self.slot is None:
                return exposition(self.instruments)
            return await asyncio.to_thread(generate_latest, process_registry(self.slot.folder))

        return text

    def traced(self, app: ASGIApp) -> ASGIApp:
        """Wrap the application: each sampled request gets a server span, if spans are exported."""
        return self.exports.trace_requests(app, self.tracing)


@asynccontextmanager
async def open_telemetry(
    settings: Settings, urls: ServerUrls, process: ProcessInfo | None
) -> AsyncIterator[Telemetry]:
    """Open the telemetry; without a `process`, metrics are not served and nothing is exported."""
    instruments = Instruments(__version__, runs_jobs=process is None or process.name != API)
    variables = export_variables() if process else {}
    sender = resource(_about(settings, process))
    exports = _exports(settings, variables, sender, instruments)
    budget = ShutdownBudget(drain_s=settings.shutdown_timeout)
    async with AsyncExitStack() as ends:
        ends.push_async_callback(asyncio.to_thread, exports.close, budget.flush_s)
        await ends.enter_async_context(
            background_tasks(partial(sample_loop_lag, instruments), cancel_s=budget.cancel_s)
        )
        if process:
            instruments.process_restarts.labels().inc(process.slot.restarts if process.slot else 0)
            _serve_metrics(settings, process, instruments.registry, ends)
        logs = _bridged(settings, process, exports, instruments) if process else None
        telemetry = _telemetry(
            urls, instruments, Tracing(sender, exports.spans), logs, settings.slow_query_ms / 1000
        )
        ends.callback(telemetry.http.close)
        yield replace(telemetry, exports=exports, slot=process.slot if process else None)


def _serve_metrics(
    settings: Settings, process: ProcessInfo, registry: CollectorRegistry, ends: AsyncExitStack
) -> None:
    """Serve them to the parent of several processes, or else to scrapes, until `ends`."""
    if process.slot is not None:
        ends.callback(serve_metrics(process.slot.folder, process.slot.number, registry))
    elif process.metrics_port:
        address = settings.host, process.metrics_port
        reserved = (settings.port, settings.api_metrics_port)
        ends.callback(listen_for_scrapes(process.name, address, registry, reserved))


def _exports(
    settings: Settings, variables: Mapping[str, str], sender: Resource, instruments: Instruments
) -> Exports:
    try:
        if not signals(variables):
            return Exports()
        sampled = settings.otlp_logs_sampled
        exports: Exports = import_module(OTLP).OtlpExports(
            variables, sender, instruments, sampled_lines_only=sampled
        )
    except BadExport as error:
        raise BadConfiguration(str(error)) from None
    return exports


def _bridged(
    settings: Settings, process: ProcessInfo, exports: Exports, instruments: Instruments
) -> Logs:
    logs = process.logs
    logs.bridge = exports.lines
    logs.count_lost(instruments.lines_lost)
    errors = error_reporter(settings, process.name, instruments)
    if errors is not None:
        logs.report_error = errors.report
        exports.close_too(errors.close)
    asyncio.get_running_loop().set_exception_handler(_unhandled)
    return logs


def _telemetry(
    urls: ServerUrls,
    instruments: Instruments,
    tracing: Tracing,
    logs: Logs | None,
    slow_s: float,
) -> Telemetry:
    write_line: WriteLine = logs.write if logs else unwritten
    return Telemetry(
        instruments=instruments,
        tracing=tracing,
        http=HttpTelemetry(instruments, AccessLog(logs) if logs else None),
        connections=ConnectionTelemetry(instruments),
        database=DatabaseTelemetry(
            instruments,
            tracing,
            write_line,
            server_attributes=server_attributes(urls.postgres),
            slow=slow_s,
        ),
        redis=RedisTelemetry(instruments, tracing, server_attributes(urls.redis), write_line),
        attempts=AttemptTelemetry(instruments, write_line),
        breaches=BreachTelemetry(instruments, write_line),
        jobs=JobTelemetry(instruments, tracing, write_line),
        propagator=JobTracePropagator(tracing),
    )


def _about(settings: Settings, process: ProcessInfo | None) -> Mapping[str, str]:
    return {
        "service.name": f"jubilee-{process.name}" if process else "jubilee",
        "service.namespace": "jubilee",
        "service.version": __version__,
        "service.instance.id": str(uuid4()),
        "deployment.environment.name": settings.environment.value,
    }


def _unhandled(_: asyncio.AbstractEventLoop, context: Mapping[str, Any]) -> None:
    """Log an error that asyncio reports; its own message would repeat the exception's."""
    error = context.get("exception")
    extra = {} if error else {"cause": context.get("message")}
    logger.error("unhandled exception in background task", exc_info=error, extra=extra)
