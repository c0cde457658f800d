"""Run a shell command as each of two processes: FOLDER TIMEOUT COMMAND.

The command finds the file of its heartbeat in BEAT, and its number in JUBILEE_PROCESS.
"""

import logging
import os
import sys
from pathlib import Path

from jubilee.adapters.embedded.process import Program, spawn
from jubilee.entrypoints.local.child_process import ChildProcess
from jubilee.entrypoints.processes.heartbeat_file import HeartbeatFile
from jubilee.entrypoints.processes.parent import ProcessGroup, run_group
from jubilee.entrypoints.processes.slot import ProcessSlot

logger = logging.getLogger(__name__)


def main(folder: str, timeout: str, command: str) -> int:
    """Run until a signal or a refusal."""

    def start(slot: ProcessSlot) -> ChildProcess:
        env = {**os.environ, **slot.variables(), "BEAT": str(slot.heartbeat.path)}
        return spawn(Program(("/bin/sh", "-c", command), env))

    return run_group(
        ProcessGroup(
            slots=[ProcessSlot(number, Path(folder)) for number in (1, 2)],
            spawn=start,
            close_listeners=lambda: logger.info("closed"),
            drain_timeout_s=float(timeout),
            heartbeat=HeartbeatFile(Path(folder) / "all"),
        )
    )


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    sys.exit(main(*sys.argv[1:]))
