"""`jubilee status`."""

import sys
from argparse import Namespace

from jubilee.bootstrap.inspection import open_inspection
from jubilee.commands.reading import read_settings
from jubilee.commands.running import run
from jubilee.entrypoints.status import as_json, as_text, read_status


def status(chosen: Namespace) -> int:
    """Print health and backlog as text or JSON; return 0 if the service is ready."""
    settings = read_settings()

    async def read() -> int:
        async with open_inspection(settings) as opened:
            found = await read_status(opened.health, opened.backlog, opened.connections)
        sys.stdout.write((as_json if chosen.json else as_text)(found) + "\n")
        return found.exit_code

    return run(read())
