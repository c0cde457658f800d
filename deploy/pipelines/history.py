"""`python3 -m deploy.pipelines.history FILE BENCHMARK…`: add a run of benchmarks to a page.

A benchmark is a module of tests/benchmarks with its arguments in one string. The page is Markdown,
the last run first.
"""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

MAX_RUNS = 365
HEADING = "## "


def main(arguments: list[str]) -> int:
    """Run them; return 1 if one failed, which the file says, too."""
    file, *benchmarks = arguments
    path = Path(file)
    runs = path.read_text().split(HEADING)[1:] if path.exists() else []
    texts, failed = [], False
    for benchmark in benchmarks:
        ended = subprocess.run(  # noqa: S603  # a module of this repository
            (sys.executable, "-m", *benchmark.split()),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        failed |= ended.returncode != 0
        texts.append(f"`{benchmark}` ended with {ended.returncode}\n\n```\n{ended.stdout}```\n")
    path.parent.mkdir(parents=True, exist_ok=True)
    run = f"{_name()}\n\n" + "\n".join(texts) + "\n"
    path.write_text("".join(HEADING + text for text in [run, *runs][:MAX_RUNS]))
    print(HEADING + run)
    return int(failed)


def _name() -> str:
    commit = subprocess.check_output(("git", "rev-parse", "--short", "HEAD"), text=True)  # noqa: S607  # the git of the PATH
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {commit.strip()}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
