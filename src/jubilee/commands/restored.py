"""`jubilee restored`."""

import sys
from argparse import Namespace
from datetime import UTC, datetime

from jubilee.bootstrap.adapters import open_adapters
from jubilee.bootstrap.greetings import greeting_planner
from jubilee.commands.reading import read_settings
from jubilee.commands.refusal import CommandRefused
from jubilee.commands.running import run


def restored(chosen: Namespace) -> int:
    """Park the greetings that may have been sent since the moment to which PostgreSQL is restored.

    Workers must not run before: they would send these greetings again.
    """
    settings, until = read_settings(), _moment(chosen.until)

    async def park() -> int:
        async with open_adapters(settings) as adapters:
            return await greeting_planner(settings, adapters).park(until)

    parked = run(park())
    sys.stdout.write(f"greetings that may have been sent before {until.isoformat()}: {parked}\n")
    return 0


def _moment(text: str | None) -> datetime:
    """Read a time of the past, by default now; raises CommandRefused."""
    now = datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(text) if text else now
    except ValueError:
        raise CommandRefused(f"--until is not a time: {text}") from None
    if moment.tzinfo is None or moment > now:
        raise CommandRefused("--until must be a time of the past with its zone, such as Z")
    return moment
