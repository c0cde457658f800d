"""The listener that a process' metrics are read from, apart from the API's own address."""

import logging
from collections.abc import Callable

from prometheus_client import CollectorRegistry, start_http_server

from jubilee.bootstrap.errors import BadConfiguration

API = "api"
SETTINGS = {API: "METRICS_PORT", "worker": "WORKER_METRICS_PORT"}

logger = logging.getLogger(__name__)


class NoMetricsListener(BadConfiguration):
    """The API's metrics cannot be read where METRICS_PORT says."""


def listen_for_scrapes(
    process: str, address: tuple[str, int], registry: CollectorRegistry
) -> Callable[[], None]:
    """Serve the registry at host and port until the returned function is called.

    Several workers may share a machine: the first has the port, the others go without. An API that
    cannot listen raises NoMetricsListener, for its port was chosen, or is a default to be changed.
    """
    host, port = address
    setting = SETTINGS[process]
    try:
        server, thread = start_http_server(port, host, registry)
    except OSError as error:
        if process == API:
            raise NoMetricsListener(_why(address, error)) from error
        extra = {"setting": setting, "port": port, "cause": error.strerror}
        logger.warning("metrics listener not started", extra=extra)
        return _nothing
    if process == API:
        logger.info("metrics have a listener of their own", extra={"host": host, "port": port})

    def close() -> None:
        server.shutdown()
        server.server_close()
        thread.join(1)

    return close


def _why(address: tuple[str, int], error: OSError) -> str:
    host, port = address
    return (
        f"METRICS_PORT={port}: cannot listen there on {host} ({error.strerror}). Choose another, "
        f"such as METRICS_PORT={port % 65535 + 1}, or METRICS_PORT=0 for /metrics beside the API"
    )


def _nothing() -> None:
    pass
