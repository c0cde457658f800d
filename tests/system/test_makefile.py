"""`make` in a copy of the project: its checks and their order."""

import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.running import PROGRAM_S

ROOT = Path(__file__).parents[2]
OF_MAKE = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKE_TERMERR", "MAKE_TERMOUT"}
SHOW_PIP = "--eval=show: ; @echo $(PIP)"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A clone of the project without its code."""
    for name in ("Makefile", "pyproject.toml", "deploy/requirements-embedded.lock"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy2(ROOT / name, tmp_path / name)
    return tmp_path


def make(at: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ("make", *words),
        cwd=at,
        env=outside(),
        capture_output=True,
        text=True,
        timeout=PROGRAM_S,
        check=False,
    )


def outside() -> dict[str, str]:
    """The environment as of a terminal, since the tests may run below another make."""
    return {name: value for name, value in os.environ.items() if name not in OF_MAKE}


def test_an_old_python_is_refused_in_one_line(copy: Path) -> None:
    old = copy / "old"
    old.write_text('#!/bin/sh\n[ "$1" = -V ] && echo Python 3.9.2\n[ "$1" = -V ]\n')
    old.chmod(0o755)
    for python, said in ((str(old), "is Python 3.9.2"), ("/nonexistent", "is not here")):
        ended = make(copy, "run", f"PYTHON={python}")
        assert ended.returncode != 0
        (line,) = (ended.stdout + ended.stderr).splitlines()
        assert "Python 3.11 or later is needed" in line
        assert said in line
    assert not (copy / ".venv").exists()


def test_an_environment_without_its_python_is_created_again(copy: Path) -> None:
    (copy / ".venv/bin").mkdir(parents=True)
    (copy / ".venv/bin/python").symlink_to("/nonexistent/python3")
    (copy / ".venv/run").touch()
    assert "pip" in make(copy, "-n", "run").stdout
    made = make(copy, ".venv/bin/python", f"PYTHON={sys.executable}")
    assert made.returncode == 0, made.stderr
    subprocess.run((copy / ".venv/bin/python", "-m", "pip", "--version"), check=True)
    assert not (copy / ".venv/run").exists()


def test_a_matching_environment_is_kept(copy: Path) -> None:
    (copy / ".venv").symlink_to(ROOT / ".venv")
    assert "rm -rf" not in make(copy, "-n", "run").stdout


def test_installing_shows_progress_only_on_a_terminal(copy: Path) -> None:
    assert "--quiet" in make(copy, SHOW_PIP, "show").stdout
    ours, theirs = pty.openpty()
    try:
        shows = ("make", SHOW_PIP, "show")
        subprocess.run(shows, cwd=copy, env=outside(), stdout=theirs, stderr=theirs, check=True)
        shown = b""
        while not shown.endswith(b"\n"):
            shown += os.read(ours, 1000)
    finally:
        os.close(ours)
        os.close(theirs)
    assert b"pip" in shown
    assert b"--quiet" not in shown


def test_format_formats_before_it_reports_errors(copy: Path) -> None:
    (copy / ".venv").symlink_to(ROOT / ".venv")
    untidy = copy / "untidy.py"
    untidy.write_text('"""Doc."""\nx = (  undefined_name )\n')
    ended = make(copy, "-o", ".venv/dev", "format")
    assert ended.returncode != 0
    assert "undefined_name" in ended.stdout
    assert untidy.read_text() == '"""Doc."""\n\nx = undefined_name\n'
