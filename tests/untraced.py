"""Explorations run without the tracer of coverage, which doubles their time.

What they run is measured by other tests as well.
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
