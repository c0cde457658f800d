"""Starts programs as direct children that die with this process, each in its own session.

Linux ties a child to the thread that started it, so start children from the main thread.
Elsewhere (macOS) a killed parent leaves its children behind.
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
LOG_BYTES = 1 << 20
RESEND_INTERVAL_S = 1.0  # seconds until a program is told once more to end


@dataclass(frozen=True, slots=True)
class Program:
    """What to run; without an `output` file it shares ours, `wrap` is put before the program."""

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    stdin: Path | None = None
    output: Path | None = None
    wrap: tuple[str, ...] = ()
    orphaned: signal.Signals = signal.SIGKILL
    umask: int = -1
    """Permissions that its new files do not get; -1 is ours."""


def spawn(program: Program) -> subprocess.Popen[bytes]:
    """Start the program; a Ctrl-C in our terminal does not reach it, our death does."""
    tied = (sys.executable, "-I", "-S", launcher.__file__, str(os.getpid()))
    argv = (*program.wrap, *tied, str(int(program.orphaned)), *program.argv)
    with contextlib.ExitStack() as files:
        output = files.enter_context(_log(program.output)) if program.output else None
        return subprocess.Popen(  # noqa: S603 - the programs are our own
            argv,
            env=dict(program.env),
            cwd=program.folder,
            stdin=files.enter_context((program.stdin or Path(os.devnull)).open("rb")),
            stdout=output,
            stderr=output,
            start_new_session=True,
            umask=program.umask,
        )


def complete(program: Program, pause: Pause, *, within: float) -> None:
    """Run the program to its end; raises ServerFailed when it fails or takes too long."""
    process = spawn(program)
    name = Path(program.argv[0]).name
    deadline = time.monotonic() + within
    try:
        while process.poll() is None:
            if time.monotonic() > deadline:
                raise ServerFailed(f"{name} did not end within {within:.0f} s")
            pause(0.02)
    finally:
        end(process, signal.SIGKILL, within=5)
    if process.returncode:
        raise ServerFailed(f"{name} failed: {last_line(program.output)}")


def end(process: subprocess.Popen[bytes], how: signal.Signals, *, within: float) -> None:
    """Ask the process to end, and kill it if it has not within that many seconds."""
    deadline = time.monotonic() + within
    while process.poll() is None and (left := deadline - time.monotonic()) > 0:
        process.send_signal(how)  # again and again: one that meets a program's start may be lost
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(min(left, RESEND_INTERVAL_S))
    if process.poll() is None:
        process.kill()
        process.wait()


def last_line(log: Path | None) -> str:
    """The last thing that a log says, with the log's own place."""
    if log is None:
        return "see above"
    with log.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 2000))
        lines = file.read().decode("utf-8", "replace").split("\n")
    said = next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
    return f"{said} ({log})"


def _log(path: Path) -> BinaryIO:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    if path.exists() and path.stat().st_size > LOG_BYTES:
        path.replace(path.with_suffix(".log.1"))
    path.touch(mode=0o600)
    return path.open("ab")
