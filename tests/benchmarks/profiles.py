"""Flame graphs of requests: `python -m tests.benchmarks.profiles hello save`, or `make profile`.

py-spy samples the API from outside while a closed loop loads it; it needs the right to trace.
"""

import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import uvloop

from tests.benchmarks.http_bench import opened
from tests.benchmarks.http_load import Load
from tests.benchmarks.interleaved import Contender, compete
from tests.benchmarks.stack import print_lines, stack
from tests.support.running import QUICK_HASH

SECONDS, ROUNDS, COUNT = 10, 20, 2000
OUT = Path("dist")
PY_SPY = Path(sys.executable).with_name("py-spy")


def main() -> None:
    """Write one file for each kind of request."""
    OUT.mkdir(exist_ok=True)
    with stack(**QUICK_HASH, RATE_LIMITS="off") as up, ExitStack() as ends:
        load = Load.prepare(f"http://127.0.0.1:{up.port}")
        (server,) = opened(ends, up, (), None)
        for kind in sys.argv[1:]:
            path = OUT / f"profile-{kind}.svg"
            command = (PY_SPY, "record", "--pid", str(server.pid), "--rate", "500")
            with subprocess.Popen((*command, "--duration", str(SECONDS), "--output", path)):
                each = Contender(kind, server.pid, server.port, load.requests(kind))
                uvloop.run(compete([each], rounds=ROUNDS, requests=COUNT))
            print_lines([f"{path}"])


if __name__ == "__main__":
    main()
