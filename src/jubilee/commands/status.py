"""How it is, for an operator."""

import sys
from argparse import Namespace

from jubilee.bootstrap.inspection import open_inspection
from jubilee.commands.reading import read_settings
from jubilee.commands.running import run
from jubilee.entrypoints.status import as_json, as_text, read_status


def status(chosen: Namespace) -> int:
    """Print how it is, for people or as JSON; 0 where it can serve."""
    settings = read_settings()

    async def read() -> int:
        async with open_inspection(settings) as opened:
            found = await read_status(opened.health, opened.backlog, opened.connections)
        sys.stdout.write((as_json if chosen.json else as_text)(found) + "\n")
        return found.exit_code

    return run(read())
