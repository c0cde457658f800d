"""What the tests ask of coverage.

Explorations run without its tracer, which doubles their time: what they run is measured by other
tests as well.
"""

from collections.abc import Generator

import pytest
from coverage import Coverage

UNTRACED = "untraced"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Stop the tracer for the time of a test that is marked so."""
    tracer = Coverage.current() if item.get_closest_marker(UNTRACED) else None
    if tracer is None:
        return (yield)
    tracer.stop()
    try:
        return (yield)
    finally:
        tracer.start()


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish() -> None:
    """Save what was measured: xdist kills a process that ten seconds later has not ended."""
    measured = Coverage.current()
    if measured is not None:
        measured.save()
