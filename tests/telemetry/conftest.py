"""Telemetry in process: spans in memory, metrics in a registry, lines in a file."""

import logging
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.telemetry.instruments import Instruments
from jubilee.adapters.telemetry.line_writer import LineWriter
from jubilee.adapters.telemetry.logs import ERRORS_ONLY, SILENCED, Logs, unwritten
from jubilee.adapters.telemetry.stores import DatabaseTelemetry
from jubilee.adapters.telemetry.tracing import Tracing
from jubilee.bootstrap.logs import log_context
from jubilee.urls.parts import server_attributes
from tests.telemetry.memory import Lines, Memory

CHANGED = ("", "jubilee", *SILENCED, *ERRORS_ONLY)
"""The loggers whose levels change when logging starts; the first is the root."""


@pytest.fixture(autouse=True)
def no_otel_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the variables of a developer who exports telemetry."""
    for name in list(os.environ):
        if name.startswith("OTEL_"):
            monkeypatch.delenv(name)


@pytest.fixture
def memory() -> Memory:
    """The exporter of spans in memory."""
    return Memory(InMemorySpanExporter())


@pytest.fixture
def tracing(memory: Memory) -> Tracing:
    """Tracing that samples every trace."""
    return memory.tracing()


@pytest.fixture
def instruments() -> Instruments:
    """The metrics of a process."""
    return Instruments("1.2.3")


@pytest.fixture
async def pool(
    database_url: str, instruments: Instruments, tracing: Tracing
) -> AsyncIterator[ConnectionPool]:
    """Connections to a new database, with telemetry."""
    observer = DatabaseTelemetry(
        instruments, tracing, unwritten, server_attributes=server_attributes(database_url), slow=60
    )
    pool = ConnectionPool(database_url, size=4, timeout=60, observer=observer)
    yield pool
    await pool.close()


@pytest.fixture
def lines(tmp_path: Path) -> Iterator[Lines]:
    """Log to a file as in production; restore the loggers afterwards."""
    root, loggers = logging.getLogger(), [logging.getLogger(name) for name in CHANGED]
    handlers, levels = root.handlers, [logger.level for logger in loggers]
    path = tmp_path / "lines"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    writer = LineWriter(descriptor)
    logs = Logs(writer, log_context, level="INFO", readable=False)
    logs.start()
    yield Lines(path, writer, logs)
    writer.flush()
    os.close(descriptor)
    root.handlers = handlers
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)
    logging.captureWarnings(capture=False)
