"""Run `jubilee up` as a process, and watch its processes."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias, TypeVar

import httpx2

from jubilee.adapters.embedded.run_file import RunFile, read_run_file
from jubilee.adapters.embedded.sockets import socket_folder
from tests.support import forked
from tests.support.outages import family, send

UP = (*forked.COMMAND, "up")
TIMEOUT_S = 60.0
PROGRAM_S = 300  # of one program, on a busy machine
QUICK_HASH = {"PASSWORD_HASH_TIME_COST": "1", "PASSWORD_HASH_MEMORY_KIB": "8192"}
"""A password in a fifth of the CPU time; the tests make thousands of hashes, at a low priority."""

USUAL_HASH: dict[str, str | None] = dict.fromkeys(QUICK_HASH)
"""Leaves `QUICK_HASH` out of the environment of a process."""

PATIENT = dict.fromkeys(("REQUEST_TIMEOUT", "DATABASE_TIMEOUT", "REDIS_TIMEOUT"), "30")
"""Time enough for a process that waits seconds for a core of a busy machine."""

USUAL_TIMEOUTS: dict[str, str | None] = dict.fromkeys(PATIENT)
"""Leaves `PATIENT` out of the environment of a process."""

Result = TypeVar("Result")
Process: TypeAlias = forked.ForkedProcess | subprocess.Popen[bytes]


def free_port() -> int:
    """Return a port that is free at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def eventually(
    holds: Callable[[], Result], within: float = TIMEOUT_S, pause_s: float = 0.05
) -> Result:
    """Poll until the condition holds, or the time is up; return its last result."""
    deadline = time.monotonic() + within
    while not (result := holds()) and time.monotonic() < deadline:
        time.sleep(pause_s)
    return result


class Up:
    """A process of `jubilee`, by default `jubilee up`, in a session of its own."""

    def __init__(
        self, data: Path, at: Path, command: tuple[str, ...] = UP, **env: str | None
    ) -> None:
        """Run it with the working folder `at`; an `env` of None is left out."""
        self.data, self.port = data, int(env.get("PORT") or free_port())
        self._output = at / f"output-{time.monotonic_ns()}"
        defaults: Mapping[str, str | None] = {
            "PATH": os.environ["PATH"],
            "XDG_RUNTIME_DIR": os.environ.get("XDG_RUNTIME_DIR"),
            "DATA_DIR": str(data),
            "PORT": str(self.port),
        }
        values = {name: value for name, value in {**defaults, **env}.items() if value is not None}
        self.process = self._start(command, at, values)

    def _start(self, command: tuple[str, ...], at: Path, env: Mapping[str, str]) -> Process:
        with Path(os.devnull).open("rb") as nothing, self._output.open("wb") as output:
            if forked.can_fork(command, env, at):
                return forked.start(command, env, at, nothing, output, output)
            return subprocess.Popen(
                command,
                cwd=at,
                env=env,
                stdin=nothing,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        """The output so far."""
        return self._output.read_text()

    @property
    def run(self) -> RunFile:
        """The run file, which other commands read."""
        found = read_run_file(self.data)
        assert found is not None, self.output
        return found

    @property
    def pids(self) -> set[int]:
        """The ids of all its processes."""
        return set(family(self.process.pid))

    def is_live(self) -> bool:
        """Return whether the API answers."""
        try:
            answer = httpx2.get(f"http://127.0.0.1:{self.port}/health/live", timeout=30)
        except httpx2.HTTPError:
            return False
        return answer.status_code == 200

    def ready(self) -> "Up":
        """Wait until it has printed the URL of the documentation."""
        docs = f"http://127.0.0.1:{self.port}/docs"
        eventually(lambda: docs in self.output or self.process.poll() is not None)
        assert docs in self.output, self.output
        return self

    def interrupt(self) -> int:
        """Send SIGINT to the process group, as Ctrl-C does; return the exit code."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(TIMEOUT_S)

    def end(self) -> None:
        """Kill all processes that still run, and remove their sockets."""
        if self.process.poll() is None:
            send(signal.SIGKILL, family(self.process.pid))
        self.process.wait(TIMEOUT_S)
        # A killed process leaves its sockets to the next start on the same data.
        shutil.rmtree(socket_folder(self.data), ignore_errors=True)


def have_ended(pids: set[int], within: float = TIMEOUT_S) -> bool:
    """Return whether all of these processes end in time; zombies have ended."""
    return eventually(lambda: not any(map(_runs, pids)), within)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
