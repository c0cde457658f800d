"""Timing tests in a parallel run of a small project."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
OPTIONS = ("-q", "-p", "xdist", "-p", "no:cacheprovider", "-n", "2", "--strict-markers")
TESTS = """
import os, time
import pytest

def note(what, name):
    with open({log!r}, "a") as log:
        log.write(f"{{what}} {{name}} {{os.getpid()}}\\n")

def for_a_while(name):
    note("begin", name)
    time.sleep(0.2)
    note("end", name)

@pytest.mark.timing
def test_exact():
    for_a_while("timing")

def test_one():
    for_a_while({name!r})

def test_two():
    for_a_while({name!r})
"""


def test_timing_tests_come_last_and_alone_and_a_file_stays_in_one_process(tmp_path: Path) -> None:
    log = tmp_path / "log"
    (tmp_path / "pyproject.toml").write_text('[tool.pytest.ini_options]\nmarkers = ["timing"]\n')
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["tests.exclusive"]\n')
    for name in ("first", "second"):
        (tmp_path / f"test_{name}.py").write_text(TESTS.format(log=str(log), name=name))
    command = (sys.executable, "-m", "pytest", *OPTIONS)
    subprocess.run(
        command,
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        check=True,
        timeout=60,
    )
    told = [line.split() for line in log.read_text().splitlines()]
    assert [(what, name) for what, name, _ in told[-4:]] == [
        ("begin", "timing"),
        ("end", "timing"),
    ] * 2
    assert len({pid for _, _, pid in told[-4:]}) == 1
    assert {name for _, name, _ in told[:-4]} == {"first", "second"}
    assert len({(name, pid) for _, name, pid in told[:-4]}) == 2
