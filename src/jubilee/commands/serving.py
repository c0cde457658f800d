"""`jubilee api` and `jubilee worker`."""

import logging
from argparse import Namespace

from jubilee.bootstrap.application import open_application
from jubilee.bootstrap.garbage_collection import freeze_startup_objects
from jubilee.bootstrap.http import http_options, listen_options
from jubilee.bootstrap.logs import start_logging
from jubilee.bootstrap.mail import mail_is_configured
from jubilee.bootstrap.open_files import allow_connections
from jubilee.bootstrap.telemetry import ProcessInfo
from jubilee.bootstrap.worker import open_worker
from jubilee.commands.reading import read_settings
from jubilee.commands.running import run
from jubilee.entrypoints.api import serve
from jubilee.entrypoints.http.connections.limits import RESERVED_CONNECTIONS
from jubilee.entrypoints.local.addresses import require_free
from jubilee.entrypoints.worker.process import work
from jubilee.settings import Settings

logger = logging.getLogger(__name__)


def api(_: Namespace) -> int:
    """Serve the API."""
    settings = read_settings()
    process = _process("api", settings, settings.api_metrics_port)
    try:
        require_free(settings.host, settings.port)
    except OSError as error:
        logger.error("%s", error)  # noqa: TRY400  # the sentence says it all
        return 1

    allow_connections(settings.max_connections + RESERVED_CONNECTIONS)

    async def serve_all() -> int:
        async with open_application(settings, process=process) as application:
            options = http_options(settings, application)
            freeze_startup_objects()
            return await serve(application.services, options, listen_options(settings))

    return run(serve_all())


def worker(_: Namespace) -> int:
    """Run jobs."""
    settings = read_settings()
    process = _process("worker", settings, settings.worker_metrics_port)

    async def work_all() -> int:
        async with open_worker(settings, process=process) as plan:
            freeze_startup_objects()
            return await work(plan)

    return run(work_all())


def _process(name: str, settings: Settings, metrics_port: int | None) -> ProcessInfo:
    process = ProcessInfo(name, metrics_port, start_logging(settings))
    if not mail_is_configured(settings):
        logger.warning("mail is not configured: mail jobs wait until SMTP_URL is set")
    return process
