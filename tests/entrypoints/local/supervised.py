"""Supervises shell commands: DATA PORT PATIENCE MIGRATE API."""

import os
import sys
from pathlib import Path

from jubilee.adapters.embedded.process import Program, spawn
from jubilee.adapters.embedded.run_file import Claim, RunFile
from jubilee.entrypoints.local.supervisor import Child, Plan, Process, supervise


def main(data: str, port: str, patience: str, migrate: str, api: str) -> int:
    """Run until a signal."""

    def start(child: Child) -> Process:
        return spawn(Program(child.argv, child.env))

    return supervise(
        Plan(
            host="127.0.0.1",
            port=int(port),
            claim=lambda: Claim(Path(data), RunFile(os.getpid(), "here")),
            spawn=start,
            servers=(),
            migrate=Child("migrate", ("/bin/sh", "-c", migrate), os.environ),
            children=(Child("api", ("/bin/sh", "-c", api), os.environ),),
            live="/",
            greeting=(f"API at {port}",),
            patience=float(patience),
        )
    )


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
