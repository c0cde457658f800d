"""One process of the API."""

import logging

from jubilee.bootstrap.application import open_application
from jubilee.bootstrap.garbage_collection import freeze_startup_objects
from jubilee.bootstrap.http import http_options, listen_options
from jubilee.bootstrap.logs import start_logging
from jubilee.bootstrap.mail import warn_without_mail
from jubilee.bootstrap.metrics_listener import API
from jubilee.bootstrap.open_files import allow_connections
from jubilee.bootstrap.telemetry import ProcessInfo
from jubilee.commands.running import run
from jubilee.entrypoints.api import serve
from jubilee.entrypoints.http.connections.limits import RESERVED_CONNECTIONS
from jubilee.entrypoints.local.addresses import require_free
from jubilee.entrypoints.processes.slot import ProcessSlot
from jubilee.settings import Settings

logger = logging.getLogger(__name__)


def api(settings: Settings, slot: ProcessSlot | None) -> int:
    """Serve the API; `slot` is the place of this process among several of one parent."""
    logs = start_logging(settings, slot)
    process = ProcessInfo(API, settings.api_metrics_port, logs, slot)
    warn_without_mail(settings)
    if slot is None:
        try:
            require_free(settings.host, settings.port)
        except OSError as error:
            logger.error("%s", error)  # noqa: TRY400  # the sentence says it all
            return 1

    allow_connections(settings.max_connections + RESERVED_CONNECTIONS)

    async def serve_all() -> int:
        async with open_application(settings, process=process) as application:
            options = http_options(settings, application)
            listening = listen_options(settings, slot.listeners if slot else ())
            freeze_startup_objects()
            heartbeat = slot.heartbeat if slot else None
            return await serve(application.services, options, listening, heartbeat)

    return run(serve_all())
