"""`make dev`: runs `jubilee up`, and restarts its API and worker when a source file changes."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from watchfiles import PythonFilter, watch

from jubilee.adapters.embedded.process import Program, spawn

ROOT = Path(__file__).parents[2]
SOURCES = (ROOT / "src/jubilee", ROOT / "migrations")
UP = (sys.executable, "-m", "jubilee", "up")


def main() -> int:
    """Run until a signal, which is handed on; returns the exit code of `jubilee up`."""
    over = threading.Event()
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)  # a child ignores it, too, until it handles it
    up = start()

    def end(number: int, _: object) -> None:
        over.set()
        up.send_signal(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    for _ in watch(*SOURCES, watch_filter=PythonFilter(), stop_event=over):
        if up.poll() is None:
            up.send_signal(signal.SIGUSR1)
        else:  # the last change was one with which it could not run
            up = start()
    return up.wait()


def start() -> subprocess.Popen[bytes]:
    """Start it apart from the terminal, whose Ctrl-C comes from here alone."""
    return spawn(Program(UP, os.environ, orphaned=signal.SIGTERM))


if __name__ == "__main__":
    sys.exit(main())
