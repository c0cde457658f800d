"""What a process counts, and where the numbers are read out."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from prometheus_client import disable_created_metrics, start_http_server

from jubilee import __version__
from jubilee.adapters.telemetry.instruments import Instruments
from jubilee.adapters.telemetry.meters import (
    DatabaseMeter,
    HttpMeter,
    JobMeter,
    RedisMeter,
    exposition,
    watch_loop,
)
from jubilee.entrypoints.http.metering import Exposition
from jubilee.settings import Settings

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Telemetry:
    """One of each for a process."""

    instruments: Instruments
    http: HttpMeter
    database: DatabaseMeter
    redis: RedisMeter
    jobs: JobMeter

    @property
    def exposition(self) -> Exposition:
        """All metrics as Prometheus text."""
        return partial(exposition, self.instruments)


@asynccontextmanager
async def open_telemetry(settings: Settings, port: int | None) -> AsyncIterator[Telemetry]:
    """Count from now on; with a `port`, a listener of its own reads the numbers out."""
    telemetry = make_telemetry(settings)
    lag = asyncio.create_task(watch_loop(telemetry.instruments))
    close = _listen(settings.host, port, telemetry.instruments)
    try:
        yield telemetry
    finally:
        close()
        lag.cancel()


def make_telemetry(settings: Settings) -> Telemetry:
    """Counts, but nobody reads it out."""
    # They double the series, and nobody asks for them.
    disable_created_metrics()  # type: ignore[no-untyped-call]  # prometheus_client leaves it untyped
    instruments = Instruments(__version__)
    return Telemetry(
        instruments=instruments,
        http=HttpMeter(instruments),
        database=DatabaseMeter(instruments, settings.slow_query_ms / 1000),
        redis=RedisMeter(instruments),
        jobs=JobMeter(instruments),
    )


def _listen(host: str, port: int | None, instruments: Instruments) -> Callable[[], None]:
    """Several workers may share a machine: the first has the port, the others do without."""
    if port is None:
        return _nothing
    try:
        server, thread = start_http_server(port, host, instruments.registry)
    except OSError as error:
        logger.warning("no metrics on port %d: %s", port, error.strerror)
        return _nothing

    def close() -> None:
        server.shutdown()
        server.server_close()
        thread.join(1)

    return close


def _nothing() -> None:
    pass
