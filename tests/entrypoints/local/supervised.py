"""Supervise shell commands: DATA PORT TIMEOUT MIGRATE API."""

import os
import sys
from pathlib import Path

from jubilee.adapters.embedded.process import Program, spawn
from jubilee.adapters.embedded.run_file import DataDirLock, RunFile
from jubilee.entrypoints.local.child_process import ChildProcess
from jubilee.entrypoints.local.supervisor import ChildCommand, LocalStack, supervise


def main(data: str, port: str, timeout: str, migrate: str, api: str) -> int:
    """Run until a signal."""

    def start(child: ChildCommand) -> ChildProcess:
        return spawn(Program(child.argv, child.env))

    return supervise(
        LocalStack(
            host="127.0.0.1",
            port=int(port),
            lock=lambda: DataDirLock(Path(data), RunFile(os.getpid(), "here")),
            spawn=start,
            servers=(),
            migrate=ChildCommand("migrate", ("/bin/sh", "-c", migrate), os.environ),
            children=(ChildCommand("api", ("/bin/sh", "-c", api), os.environ),),
            live_path="/",
            ready_lines=(f"API at {port}",),
            drain_timeout=float(timeout) + 3,
        )
    )


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
