"""Child processes that end together with this process, each in a session of its own.

Linux signals a child when the thread that started it ends, so start children from the main thread.
On other systems (macOS) the children of a killed process keep running.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from jubilee.adapters.embedded import launcher
from jubilee.adapters.embedded.errors import ServerFailed

Pause = Callable[[float], None]
"""Waits for some seconds; may raise to end the wait early."""

LOG_BYTES = 1 << 20  # a larger log is renamed at the next start
TAIL_BYTES = 2_000  # of a log, searched for its last line
RESEND_INTERVAL_S = 1.0  # between two signals to a process that has not ended
KILL_TIMEOUT_S = 5.0
POLL_INTERVAL_S = 0.02


@dataclass(frozen=True, slots=True)
class Program:
    """A program to start; `wrap` is a command that executes it, such as `setpriv`."""

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    """The working directory; None for that of this process."""
    stdin: Path | None = None
    output: Path | None = None
    """File for standard output and error; None for those of this process."""
    wrap: tuple[str, ...] = ()
    orphaned: signal.Signals = signal.SIGKILL
    """The signal that it gets when this process has ended."""
    umask: int = -1
    """Permissions that new files do not get; -1 for the umask of this process."""
    descriptors: tuple[int, ...] = ()
    """Open files that it inherits, by the same numbers."""


def spawn(program: Program) -> subprocess.Popen[bytes]:
    """Start the program in a session of its own, so that Ctrl-C in the terminal does not end it."""
    tied = (sys.executable, "-I", "-S", launcher.__file__, str(os.getpid()))
    argv = (*program.wrap, *tied, str(int(program.orphaned)), *program.argv)
    with contextlib.ExitStack() as files:
        output = files.enter_context(_log(program.output)) if program.output else None
        return subprocess.Popen(  # noqa: S603  # the programs are ours
            argv,
            env=dict(program.env),
            cwd=program.folder,
            stdin=files.enter_context((program.stdin or Path(os.devnull)).open("rb")),
            stdout=output,
            stderr=output,
            start_new_session=True,
            umask=program.umask,
            pass_fds=program.descriptors,
        )


def complete(program: Program, pause: Pause, *, within: float) -> None:
    """Run the program for at most `within` seconds; raises ServerFailed if it fails."""
    process = spawn(program)
    name = Path(program.argv[0]).name
    deadline = time.monotonic() + within
    try:
        while process.poll() is None:
            if time.monotonic() > deadline:
                raise ServerFailed(f"{name} did not end within {within:.0f} s")
            pause(POLL_INTERVAL_S)
    finally:
        end(process, signal.SIGKILL, within=KILL_TIMEOUT_S)
    if process.returncode:
        raise ServerFailed(f"{name} failed: {last_line(program.output)}")


def end(process: subprocess.Popen[bytes], how: signal.Signals, *, within: float) -> None:
    """Send the signal `how`, and kill the process if it has not ended `within` seconds."""
    deadline = time.monotonic() + within
    while process.poll() is None and (left := deadline - time.monotonic()) > 0:
        process.send_signal(how)  # repeated: a signal during a program's start may be lost
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(min(left, RESEND_INTERVAL_S))
    if process.poll() is None:
        process.kill()
        process.wait()


def last_line(log: Path | None) -> str:
    """Return the last line of a log that is not empty, and the path of the log."""
    if log is None:
        return "see above"
    with log.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES))
        lines = file.read().decode("utf-8", "replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "its log is empty")
    return f"{last} ({log})"


def _log(path: Path) -> BinaryIO:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    if path.exists() and path.stat().st_size > LOG_BYTES:
        path.replace(path.with_suffix(".log.1"))
    path.touch(mode=0o600)
    return path.open("ab")
