"""When the jobs of a peer start: lines of a file, in milliseconds after they were sent."""

import os
from pathlib import Path
from time import time

VARIABLE = "BENCH_STAMPS"
"""The environment variable that names the file."""


def stamp(sent: float) -> None:
    """Write how long ago a job was sent, a time of this machine."""
    with Path(os.environ[VARIABLE]).open("a") as file:
        file.write(f"{1000 * (time() - sent)}\n")
