"""Node's packages of package-lock.json, installed in the virtual environment."""

import os
import shutil
import subprocess
import sys
from fcntl import LOCK_EX, flock
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PACKAGES = Path(sys.prefix) / "clients"
NAMES = ("package.json", "package-lock.json")
INSTALL_S = 600
RUN_S = 400  # on a loaded machine
TOOLS = {
    "redocly": "@redocly/cli/bin/cli.js",
    "spectral": "@stoplight/spectral-cli/dist/index.js",
    "openapi-typescript": "openapi-typescript/bin/cli.js",
    "tsc": "typescript/bin/tsc",
}
QUIET = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}


def run(*command: str | Path, cwd: Path, seconds: int = RUN_S) -> subprocess.CompletedProcess[str]:
    """Run a program of the virtual environment to its end; a JavaScript file is run by Node."""
    programs = Path(sys.prefix) / "bin"
    return subprocess.run(
        (programs / command[0], *command[1:]),
        cwd=cwd,
        env={**os.environ, **QUIET, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def tool(name: str, *arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run one of the installed tools."""
    return run("node", PACKAGES / "node_modules" / TOOLS[name], *arguments, cwd=cwd)


def install(listed: Path = HERE, packages: Path = PACKAGES) -> None:
    """Install the packages, unless they are there; without a registry skip, but fail in CI.

    `listed` is the folder of package.json and its lock file.
    """
    packages.parent.mkdir(parents=True, exist_ok=True)
    with packages.with_suffix(".installing").open("w") as locked:
        flock(locked, LOCK_EX)  # processes that start at once would remove its folder
        if not _is_installed(listed, packages):
            _install(listed, packages)


def _install(listed: Path, packages: Path) -> None:
    shutil.rmtree(packages, ignore_errors=True)
    packages.mkdir(parents=True)
    for name in NAMES:
        shutil.copy(listed / name, packages)
    quiet = ("--ignore-scripts", "--no-audit", "--no-fund")
    ended = run("npm", "ci", *quiet, cwd=packages, seconds=INSTALL_S)
    if ended.returncode != 0:
        shutil.rmtree(packages)
        refuse = pytest.fail if os.environ.get("CI") else pytest.skip
        refuse(f"npm ci failed:\n{ended.stderr}")
    (packages / "installed").touch()


def _is_installed(listed: Path, packages: Path) -> bool:
    if not (packages / "installed").exists():
        return False
    return all((packages / name).read_bytes() == (listed / name).read_bytes() for name in NAMES)
