"""An API that takes the kinds of chaos: `python -m tests.system.chaos.api`."""

import sys

import uvloop

from jubilee.bootstrap.logs import start_logging
from jubilee.bootstrap.services import http_options, listening, open_services
from jubilee.bootstrap.telemetry import ProcessInfo
from jubilee.commands.reading import read_settings
from jubilee.entrypoints.api import serve
from tests.system.chaos.kinds import chaos_kinds


async def main() -> int:
    """As `jubilee api` does it."""
    settings = read_settings()
    process = ProcessInfo("api", settings.api_metrics_port, start_logging(settings))
    async with open_services(settings, chaos_kinds, process) as opened:
        options = http_options(settings, opened.telemetry)
        return await serve(opened.services, options, listening(settings))


if __name__ == "__main__":
    sys.exit(uvloop.run(main()))
