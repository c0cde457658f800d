"""A worker that knows the kinds of chaos: `python -m tests.system.chaos.worker`."""

import sys

import uvloop

from jubilee.bootstrap.logs import start_logging
from jubilee.bootstrap.telemetry import ProcessInfo
from jubilee.bootstrap.worker import open_worker
from jubilee.commands.reading import read_settings
from jubilee.entrypoints.worker.process import work
from tests.system.chaos.kinds import chaos_kinds


async def main() -> int:
    """As `jubilee worker` does it."""
    settings = read_settings()
    process = ProcessInfo("worker", settings.worker_metrics_port, start_logging(settings))
    async with open_worker(settings, chaos_kinds, process) as plan:
        return await work(plan)


if __name__ == "__main__":
    sys.exit(uvloop.run(main()))
