"""Runs a module with a wrong clock: `python -m tests.system.chaos.skewed SECONDS MODULE`.

Whatever asks Python for the time of day is told another; the monotonic clock stays as it is, as on
a machine whose clock is set wrong. The modules of the service are loaded only after that.
"""

import runpy
import sys
import time
from datetime import UTC, datetime, timedelta
from importlib import import_module


def shift(seconds: float) -> None:
    """Put the clock forward, or back."""
    right = time.time
    servers = import_module("jubilee.bootstrap.servers")
    assert "arq" not in sys.modules, "it has the right clock already"
    time.time = lambda: right() + seconds
    servers.clock = lambda: datetime.now(UTC) + timedelta(seconds=seconds)  # type: ignore[attr-defined]  # a module by its name


if __name__ == "__main__":
    shift(float(sys.argv[1]))
    runpy.run_module(sys.argv[2], run_name="__main__")
