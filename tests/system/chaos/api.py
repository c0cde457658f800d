"""An API that takes the kinds of chaos: `python -m tests.system.chaos.api`."""

import sys

import uvloop

from jubilee.bootstrap.application import open_application
from jubilee.bootstrap.http import http_options, listen_options
from jubilee.bootstrap.logs import start_logging
from jubilee.bootstrap.telemetry import ProcessInfo
from jubilee.commands.reading import read_settings
from jubilee.entrypoints.api import serve
from tests.system.chaos.kinds import chaos_kinds


async def main() -> int:
    """As `jubilee api` does it."""
    settings = read_settings()
    process = ProcessInfo("api", settings.api_metrics_port, start_logging(settings))
    async with open_application(settings, chaos_kinds, process) as application:
        options = http_options(settings, application)
        return await serve(application.services, options, listen_options(settings))


if __name__ == "__main__":
    sys.exit(uvloop.run(main()))
