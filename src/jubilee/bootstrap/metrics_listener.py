"""The HTTP listener for Prometheus, on a port of its own."""

import errno
import logging
from collections.abc import Callable, Container, Sequence
from threading import Thread
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, start_http_server

from jubilee.bootstrap.errors import BadConfiguration

API, WORKER = "api", "worker"
MAX_PORT = 65535
MAX_WORKER_PORTS = 50  # tried from WORKER_METRICS_PORT on
SETTINGS = {API: "METRICS_PORT", WORKER: "WORKER_METRICS_PORT"}

logger = logging.getLogger(__name__)


class NoMetricsListener(BadConfiguration):
    """The port that METRICS_PORT names cannot be used."""


def listen_for_scrapes(
    process: str,
    address: tuple[str, int],
    registry: CollectorRegistry,
    reserved: Container[int | None] = (),
) -> Callable[[], None]:
    """Serve the registry at host and port until the returned function is called.

    Workers on one machine share a setting: if its port is taken, a worker takes the next free one
    that is not `reserved` for the API. An API that cannot listen raises NoMetricsListener: it would
    not be found on another port.
    """
    host, port = address
    others = () if process == API else _ports_after(port, reserved)
    try:
        server, thread = _start(host, (port, *others), registry)
    except OSError as error:
        if process == API:
            raise NoMetricsListener(_why(address, error)) from error
        extra = {"setting": SETTINGS[process], "port": port, "cause": error.strerror}
        logger.warning("metrics listener not started", extra=extra)
        return _nothing
    extra = {"host": host, "port": server.server_port}
    logger.info("metrics listener started", extra=extra)

    def close() -> None:
        server.shutdown()
        server.server_close()
        thread.join(1)

    return close


def _ports_after(port: int, reserved: Container[int | None]) -> Sequence[int]:
    later = range(port + 1, min(port + MAX_WORKER_PORTS, MAX_PORT + 1))
    return [other for other in later if other not in reserved]


def _start(
    host: str, ports: Sequence[int], registry: CollectorRegistry
) -> tuple[WSGIServer, Thread]:
    """Listen on the first of the ports that is free; raises OSError."""
    *first, last = ports
    for port in first:
        try:
            return start_http_server(port, host, registry)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
    return start_http_server(last, host, registry)


def _why(address: tuple[str, int], error: OSError) -> str:
    host, port = address
    return (
        f"METRICS_PORT={port}: cannot listen there on {host} ({error.strerror}). Choose another, "
        f"such as METRICS_PORT={port % MAX_PORT + 1}, or METRICS_PORT=0 for /metrics beside the API"
    )


def _nothing() -> None:
    pass
