"""Run a module with a wrong clock: `python -m tests.system.chaos.skewed SECONDS MODULE`.

Python's time of day is shifted and the monotonic clock is not, as on a machine whose clock is set
wrong. The modules of the service are loaded after the shift.
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
