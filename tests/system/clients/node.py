"""Node's packages of package-lock.json, installed in the virtual environment."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PACKAGES = Path(sys.prefix) / "clients"
NAMES = ("package.json", "package-lock.json")
INSTALL_S = 300
RUN_S = 120
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


def install() -> None:
    """Install the packages, unless they are there; without a registry skip, but fail in CI."""
    if _is_installed():
        return
    shutil.rmtree(PACKAGES, ignore_errors=True)
    PACKAGES.mkdir(parents=True)
    shutil.copy(HERE / NAMES[0], PACKAGES)
    shutil.copy(HERE / NAMES[1], PACKAGES)
    quiet = ("--ignore-scripts", "--no-audit", "--no-fund")
    ended = run("npm", "ci", *quiet, cwd=PACKAGES, seconds=INSTALL_S)
    if ended.returncode != 0:
        shutil.rmtree(PACKAGES)
        refuse = pytest.fail if os.environ.get("CI") else pytest.skip
        refuse(f"npm ci failed:\n{ended.stderr}")
    (PACKAGES / "installed").touch()


def _is_installed() -> bool:
    if not (PACKAGES / "installed").exists():
        return False
    return all((PACKAGES / name).read_bytes() == (HERE / name).read_bytes() for name in NAMES)
