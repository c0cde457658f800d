"""Record which lines of the package a process runs that a test has started.

The interpreter of the copied project loads this file when it starts. A process knows the test by
the file that the process of pytest, an ancestor of it, writes. A thread follows that file, for a
process may outlive its first test, and saves, for a process may be killed.
"""

import os
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from coverage import Coverage

PACKAGE = Path(__file__).parents[2] / "src/jubilee"
POLL_S = 0.2
FORKS = "tests.support.fork_server"
"""A process whose children run tests, and which itself may have one thread only."""


def start_tracing(folder: Path) -> Coverage:
    """Trace this process, into a file of its own."""
    coverage = Coverage(
        data_file=folder / f"lines-{os.getpid()}-{time.monotonic_ns()}",
        config_file=False,
        auto_data=True,  # saved when the process ends
        include=[f"{PACKAGE}/*"],
    )
    coverage.set_option("run:disable_warnings", ["no-data-collected"])
    coverage.start()
    return coverage


def record_process(folder: Path) -> None:
    """Record this process, or each of its forks."""
    if FORKS in sys.orig_argv:
        os.register_at_fork(after_in_child=lambda: _follow(folder))
    else:
        _follow(folder)


def _follow(folder: Path) -> None:
    current = _current_test(folder)
    if current is None:
        return
    if (earlier := Coverage.current()) is not None:
        earlier.stop()  # it is the one of the process that forked
    coverage, name = start_tracing(folder), current.read_text()
    coverage.switch_context(name)
    threading.Thread(target=_save_by_test, args=(coverage, current, name), daemon=True).start()


def _current_test(folder: Path) -> Path | None:
    """The file in which an ancestor keeps the name of its test; None without one."""
    pid = os.getpid()
    while pid > 1:
        status = Path(f"/proc/{pid}/stat").read_text()
        pid = int(status.rpartition(")")[2].split()[1])
        if (found := folder / f"test-{pid}").exists():
            return found
    return None


def _save_by_test(coverage: Coverage, current: Path, name: str) -> None:
    with suppress(FileNotFoundError):  # the run of the tests has ended
        while True:
            now = current.read_text()
            if now and now != name:
                coverage.switch_context(now)
                name = now
            time.sleep(POLL_S)
            coverage.save()
