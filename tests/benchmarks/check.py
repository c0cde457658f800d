"""Compare requests with another commit: `python -m tests.benchmarks.check BASE`.

Both are served at once and measured in turns, so that other load meets both. Ends with 1 where the
median of the ratios of a kind of request is above LIMIT.
"""

import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks.http_bench import OTHER_CORE, measure, opened
from tests.benchmarks.http_load import REQUESTS, Load
from tests.benchmarks.stack import print_lines, stack
from tests.support.running import QUICK_HASH

LIMIT = 1.05
ROUNDS, COUNT = 21, 1000


@contextmanager
def checkout(commit: str) -> Iterator[Path]:
    """Check a commit out into a folder of its own."""
    with TemporaryDirectory() as folder:
        at = Path(folder) / "base"
        subprocess.run(("git", "worktree", "add", "--quiet", "--detach", at, commit), check=True)
        try:
            yield at
        finally:
            subprocess.run(("git", "worktree", "remove", "--force", at), check=True)


def main() -> int:
    """Print the ratio of each kind of request."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {OTHER_CORE})
    with checkout(sys.argv[1]) as base, ExitStack() as ends:
        up = ends.enter_context(stack(**QUICK_HASH, RATE_LIMITS="off"))
        load = Load.prepare(f"http://127.0.0.1:{up.port}")
        servers = opened(ends, up, (), base)
        found = measure(servers, load, list(REQUESTS), rounds=ROUNDS, requests=COUNT)
    slower = 0
    for kind, scores in found.items():
        pairs = zip(scores["jubilee"].cpu_us, scores["before"].cpu_us, strict=True)
        ratio = statistics.median(now / before for now, before in pairs)
        slower += ratio > LIMIT
        print_lines([f"{kind}: {ratio:.3f} of the CPU before"])
    return 1 if slower else 0


if __name__ == "__main__":
    sys.exit(main())
