"""The service that benchmarks measure: one API, one worker, and embedded servers on loopback."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.running import UP, Up, free_port

STOP_TIMEOUT_S = 60
JSON = {"Content-Type": "application/json"}
SECRET = "a-benchmark-of-0123456789-abcdefghij"


@contextmanager
def stack(**env: str) -> Iterator[Up]:
    """An API, a worker and their servers, as in production but for TLS and the network."""
    with TemporaryDirectory() as folder:
        at = Path(folder)
        ports = {name: str(free_port()) for name in ("METRICS_PORT", "WORKER_METRICS_PORT")}
        base = {"ENVIRONMENT": "production", "SECRET_KEY": SECRET, **ports}
        up = Up(at / "data", at, UP, **{**base, **env})
        try:
            yield up.ready()
        finally:
            up.process.terminate()
            up.process.wait(STOP_TIMEOUT_S)
            up.end()


def pids_by_name(up: Up) -> dict[str, int]:
    """The ids of the processes `api`, `worker`, `postgresql` and `redis`."""
    return {name.partition(" ")[0].lower(): pid for name, pid in up.run.pids.items()}


def print_lines(lines: Iterable[str]) -> None:
    """Print them at once, also into a pipe."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()
