"""Runs tests that bound wall-clock time alone, however many processes the run has.

Every test holds a shared lock while it runs, one marked `timing` an exclusive one; they come last,
so that no other test waits for them. Runs that start from the same folder share the lock.
"""

from collections.abc import Generator
from fcntl import LOCK_EX, LOCK_SH, flock

import pytest

LOCKED_FILE = "pyproject.toml"  # any that every run from this folder finds


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the timing tests last, all others in their order."""
    items.sort(key=is_timing)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Hold the lock from the test's first fixture to its last."""
    with (item.config.rootpath / LOCKED_FILE).open() as locked:
        flock(locked, LOCK_EX if is_timing(item) else LOCK_SH)
        return (yield)


def is_timing(item: pytest.Item) -> bool:
    """Whether the test is marked so."""
    return item.get_closest_marker("timing") is not None
