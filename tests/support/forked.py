"""Processes of `jubilee` that are forked from one which has loaded it already."""

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import IO

from tests.support.fork_server import NUMBER

ROOT = Path(__file__).parents[2]
PYTHON = (sys.executable, "-m")
COMMAND = (*PYTHON, "jubilee")
MODULES = (
    "jubilee",
    "tests.system.chaos.api",
    "tests.system.chaos.worker",
    "tests.system.next_release",
)
"""Programs that can be forked."""
READ_WHILE_LOADING = ("LANG", "LC_", "OTEL_PROPAGATORS", "OTEL_PYTHON_", "PYTHON", "TZ")
"""Beginnings of the variables that matter while modules are loaded, or before."""


class ForkedProcess:
    """A process, with the part of subprocess.Popen that tests use."""

    def __init__(self, pipe: int) -> None:
        """Read id and exit status from the pipe."""
        self._pipe = pipe
        self.pid = self._number()
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit code, None while the process runs."""
        return self._await(0)

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code; raises subprocess.TimeoutExpired."""
        code = self._await(timeout)
        if code is None:
            raise subprocess.TimeoutExpired("jubilee", timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        """Send the signal unless the process has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def _await(self, timeout: float | None) -> int | None:
        if self.returncode is None and self._has_reported(timeout):
            self.returncode = os.waitstatus_to_exitcode(self._number())
            os.close(self._pipe)
        return self.returncode

    def _has_reported(self, timeout: float | None) -> bool:
        reports = select.poll()
        reports.register(self._pipe, select.POLLIN)
        return bool(reports.poll(None if timeout is None else timeout * 1000))

    def _number(self) -> int:
        found: int
        (found,) = NUMBER.unpack(os.read(self._pipe, NUMBER.size))
        return found


def can_fork(command: tuple[str, ...], env: Mapping[str, str], folder: Path) -> bool:
    """Whether a fork behaves as a new process of this command in this folder does.

    `jubilee up` is always a new one, and so are the processes that it starts.
    """
    is_other = command[:2] != PYTHON or command[2] not in MODULES or "up" in command
    is_loaded_otherwise = any(name.startswith(READ_WHILE_LOADING) for name in env)
    has_own_source = (folder / "jubilee").exists()
    return sys.platform == "linux" and not (is_other or is_loaded_otherwise or has_own_source)


def start(
    command: tuple[str, ...], env: Mapping[str, str], folder: Path, *streams: IO[bytes]
) -> ForkedProcess:
    """Start a command that can be forked, in a session of its own.

    The streams are its standard input, output and error.
    """
    message = {"command": command[2:], "env": dict(env), "folder": str(folder)}
    ours, theirs = os.pipe()
    descriptors = [*(stream.fileno() for stream in streams), theirs]
    try:
        socket.send_fds(_server(), [json.dumps(message).encode()], descriptors)
    finally:
        os.close(theirs)
    return ForkedProcess(ours)


def run(
    command: tuple[str, ...], env: Mapping[str, str], folder: Path, *, stdin: str, timeout: float
) -> subprocess.CompletedProcess[str]:
    """Run a command that can be forked to its end; raises subprocess.TimeoutExpired."""
    with (
        tempfile.TemporaryFile() as given,
        tempfile.TemporaryFile() as output,
        tempfile.TemporaryFile() as errors,
    ):
        given.write(stdin.encode())
        given.seek(0)
        process = start(command, env, folder, given, output, errors)
        try:
            code = process.wait(timeout)
        finally:
            process.kill()
        return subprocess.CompletedProcess(command, code, _text(output), _text(errors))


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


@cache
def _server() -> socket.socket:
    """Start the process that forks; it ends when this process closes its socket, or ends."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            (sys.executable, "-m", "tests.support.fork_server", str(theirs.fileno())),
            cwd=ROOT,
            env={"PATH": os.environ["PATH"]},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=(theirs.fileno(),),
            start_new_session=True,
        )
    atexit.register(_end, process, ours)
    return ours


def _end(process: subprocess.Popen[bytes], control: socket.socket) -> None:
    control.close()
    process.wait()
