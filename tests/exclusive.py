"""Order of the tests, and those that bound wall-clock time run alone.

Every test holds a shared lock while it runs, one marked `timing` an exclusive one; all runs that
start from the same folder share the lock. In a parallel run (`pytest -n 2`) a
process takes a whole file at a time, so that fixtures of a file are made once.
"""

from collections.abc import Generator
from fcntl import LOCK_EX, LOCK_SH, flock

import pytest
from _pytest.nodeid import NodeId
from xdist.scheduler import LoadScopeScheduling

LOCKED_FILE = "pyproject.toml"  # any that every run from this folder finds
TIMING, TIMING_SUFFIX = "timing", "@timing"
SHARING_FOLDERS = ("tests/system/chaos/",)
"""Whose files share servers and processes that are slow to start."""

SLOW_FIRST = (
    "tests/system/chaos/",
    "tests/system/test_schemathesis.py",
    "tests/system/",
    "tests/telemetry/",
    "tests/monitoring/",
)
"""Started first in a parallel run, so that short files keep all processes busy at its end."""


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadScopeScheduling:
    """Keep the order in which this file puts the tests, and files together."""
    config.option.loadscopereorder = False
    scheduling = LoadScopeScheduling(config, log)
    scheduling._split_scope = unit
    return scheduling


def unit(nodeid: str) -> str:
    """What one process runs as a whole: a file or a folder, or all timing tests."""
    file = nodeid.partition("::")[0]
    if nodeid.endswith(TIMING_SUFFIX):
        return TIMING
    return next((folder for folder in SHARING_FOLDERS if file.startswith(folder)), file)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the timing tests last, in a parallel run the slow folders first."""
    is_parallel = hasattr(config, "workerinput")
    items.sort(key=lambda item: (is_timing(item), is_parallel and rank(item)))
    for item in filter(is_timing, items if is_parallel else ()):
        # The scheduler sees no marks; the groups of xdist 3.8 do not reach it with pytest 9.2.
        item._id = NodeId.parse(f"{item.nodeid}{TIMING_SUFFIX}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Hold the lock from the test's first fixture to its last."""
    with (item.config.rootpath / LOCKED_FILE).open() as locked:
        flock(locked, LOCK_EX if is_timing(item) else LOCK_SH)
        return (yield)


def is_timing(item: pytest.Item) -> bool:
    """Whether the test is marked so."""
    return item.get_closest_marker(TIMING) is not None


def rank(item: pytest.Item) -> int:
    """Place of the test among those that take long; the last where it does not."""
    found = (place for place, start in enumerate(SLOW_FIRST) if item.nodeid.startswith(start))
    return next(found, len(SLOW_FIRST))
