"""Helm, checkov and kubernetes-validate, in an environment of their own.

They are large, and their dependencies contradict those of the tests.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCK_FILE = ROOT / "deploy/requirements-check.lock"
TOOLS = ROOT / ".tools"
ENVIRONMENT = TOOLS / "check"
INSTALL_S = 600
RUN_S = 600


def run_tool(
    name: str, *arguments: str | Path, given: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program of the environment to its end, with the text `given` as its input."""
    return subprocess.run(
        (_environment() / "bin" / name, *arguments),
        cwd=ROOT,
        input=given,
        capture_output=True,
        text=True,
        timeout=RUN_S,
        check=False,
    )


@cache
def _environment() -> Path:
    """Install what the lock file names; without a registry skip the test, but fail in CI."""
    with one_process("check"):
        installed = ENVIRONMENT / LOCK_FILE.name
        if not (installed.exists() and installed.read_bytes() == LOCK_FILE.read_bytes()):
            _install()
            shutil.copy(LOCK_FILE, installed)
    return ENVIRONMENT


@contextmanager
def one_process(name: str) -> Iterator[None]:
    """Keep out other processes of parallel runs, which install the same at the same time."""
    TOOLS.mkdir(exist_ok=True)
    with (TOOLS / f"{name}.lock").open("w") as lock:
        flock(lock, LOCK_EX)
        yield


def _install() -> None:
    uv, python = Path(sys.prefix) / "bin/uv", ENVIRONMENT / "bin/python"
    make = (uv, "venv", "--quiet", "--clear", "--python", sys.executable, ENVIRONMENT)
    fill = (uv, "pip", "install", "--quiet", "--python", python, "--require-hashes")
    for command in (make, (*fill, "--requirement", LOCK_FILE)):
        ended = subprocess.run(
            command, capture_output=True, text=True, timeout=INSTALL_S, check=False
        )
        if ended.returncode != 0:
            refuse = pytest.fail if os.environ.get("CI") else pytest.skip
            refuse(f"the tools cannot be installed:\n{ended.stderr}")
