"""Order of the tests, and those that bound wall-clock time run without others.

Every test holds locks while it runs, which all runs that start from the same folder share: one
marked `timing` holds all of them exclusively, one marked `timing(waits=True)` that of its lane, so
that at most two of these run at a time, and others share all of them. In a parallel run
(`pytest -n 2`) a process takes a whole file at a time, so that fixtures of a file are made once.
"""

import gc
from collections.abc import Generator
from contextlib import ExitStack
from fcntl import LOCK_EX, LOCK_SH, flock

import pytest
from _pytest.nodeid import NodeId
from xdist.scheduler import LoadScopeScheduling

TIMING = "timing"
LANES = {"@timing-1": "pyproject.toml", "@timing-2": "README.md"}
"""The locked files, which every run from this folder finds, by the lane of tests that wait."""

ALONE = "@timing"
ORDER = (None, *LANES, ALONE)
FOLLOWED = {ALONE: "@timing-2"}
"""The lane after which a process runs the tests that run alone: beside both, it stops them."""

SHARING_FOLDERS = ("tests/system/chaos/",)
"""Whose files share servers and processes that are slow to start: theirs is the first lane."""

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
    """What one process runs as a whole: a file or a folder, or the timing tests of a lane."""
    file = nodeid.partition("::")[0]
    lane = next((each for each in (ALONE, *LANES) if nodeid.endswith(each)), None)
    folder = next((folder for folder in SHARING_FOLDERS if file.startswith(folder)), file)
    return FOLLOWED.get(lane, lane) if lane else folder


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the timing tests last, in a parallel run the slow folders first."""
    is_parallel = hasattr(config, "workerinput")
    lanes = {item: lane_of(item) for item in items}
    items.sort(key=lambda item: (ORDER.index(lanes[item]), is_parallel and rank(item)))
    timing = {item: lane for item, lane in lanes.items() if lane is not None}
    for item, lane in timing.items() if is_parallel else ():
        # The scheduler sees no marks; the groups of xdist 3.8 do not reach it with pytest 9.2.
        item._id = NodeId.parse(f"{item.nodeid}{lane}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Hold the locks from the test's first fixture to its last."""
    lane = lane_of(item)
    with ExitStack() as held:
        for name, file in LANES.items():
            if lane in {None, ALONE, name}:
                locked = held.enter_context((item.config.rootpath / file).open())
                flock(locked, LOCK_SH if lane is None else LOCK_EX)
        if lane is not None:
            gc.freeze()  # a collection of what thousands of tests have left takes half a second
        return (yield)


def lane_of(item: pytest.Item) -> str | None:
    """Return the lane of a timing test, None of another one."""
    mark = item.get_closest_marker(TIMING)
    if mark is None:
        return None
    if not mark.kwargs.get("waits"):
        return ALONE
    first, second = LANES
    return first if item.nodeid.startswith(SHARING_FOLDERS) else second


def rank(item: pytest.Item) -> int:
    """Place of the test among those that take long; the last where it does not."""
    found = (place for place, start in enumerate(SLOW_FIRST) if item.nodeid.startswith(start))
    return next(found, len(SLOW_FIRST))
