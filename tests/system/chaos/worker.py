"""A worker that knows the kinds of chaos: `python -m tests.system.chaos.worker`."""

import sys

import uvloop

from jubilee.bootstrap.worker import open_worker
from jubilee.commands import read_settings, start_logging
from jubilee.entrypoints.worker import work
from tests.system.chaos.kinds import chaos_kinds


async def main() -> int:
    """As `jubilee worker` does it."""
    settings = read_settings()
    start_logging(settings)
    async with open_worker(settings, chaos_kinds) as plan:
        return await work(plan)


if __name__ == "__main__":
    sys.exit(uvloop.run(main()))
