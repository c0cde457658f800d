"""Timing tests in parallel runs of a small project."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.exclusive import ALONE, LANES, SHARING_FOLDERS, unit

ROOT = Path(__file__).parents[2]
OPTIONS = ("-q", "-p", "xdist", "-p", "no:cacheprovider", "--strict-markers")
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


COUNTING = """
import gc
import pytest

@pytest.mark.timing
def test_collects_what_it_has_made_itself():
    assert gc.get_freeze_count() > len(gc.get_objects())
"""
WAITING = """
import time
from pathlib import Path
import pytest

@pytest.mark.timing(waits=True)
def test_begins_while_the_other_runs():
    Path({own!r}).touch()
    deadline = time.monotonic() + 30
    while not Path({other!r}).exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert Path({other!r}).exists()
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project that has no tests yet."""
    marker = "timing(waits=False)"
    settings = f'[tool.pytest.ini_options]\nmarkers = ["{marker}"]\n'
    (tmp_path / "pyproject.toml").write_text(settings)
    (tmp_path / "README.md").touch()
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["tests.exclusive"]\n')
    return tmp_path


def start(project: Path, *options: str) -> subprocess.Popen[bytes]:
    """Start its tests."""
    command = (sys.executable, "-m", "pytest", *OPTIONS, *options)
    env = {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.Popen(command, cwd=project, env=env)


def test_a_timing_test_collects_no_garbage_of_tests_before_it(project: Path) -> None:
    (project / "test_garbage.py").write_text(COUNTING)
    assert start(project).wait(60) == 0


def test_timing_tests_come_last_and_alone_and_a_file_stays_in_one_process(project: Path) -> None:
    log = project / "log"
    for name in ("first", "second"):
        (project / f"test_{name}.py").write_text(TESTS.format(log=str(log), name=name))
    assert start(project, "-n", "2").wait(60) == 0
    told = [line.split() for line in log.read_text().splitlines()]
    assert [(what, name) for what, name, _ in told[-4:]] == [
        ("begin", "timing"),
        ("end", "timing"),
    ] * 2
    assert len({pid for _, _, pid in told[-4:]}) == 1
    assert {name for _, name, _ in told[:-4]} == {"first", "second"}
    assert len({(name, pid) for _, name, pid in told[:-4]}) == 2


def test_tests_that_run_alone_follow_the_shorter_lane_in_its_process() -> None:
    first, second, alone = (unit(f"a.py::test_b{end}") for end in (*LANES, ALONE))
    assert alone == second != first


def test_two_timing_tests_that_wait_run_at_the_same_time(project: Path) -> None:
    (folder,) = SHARING_FOLDERS
    (project / folder).mkdir(parents=True)
    files = "test_one.py", f"{folder}test_two.py"
    for own, other in (files, files[::-1]):
        told = {"own": str(project / own) + ".began", "other": str(project / other) + ".began"}
        (project / own).write_text(WAITING.format(**told))
    runs = [start(project, file) for file in files]
    assert [run.wait(60) for run in runs] == [0, 0]
