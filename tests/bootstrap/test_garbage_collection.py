"""What the collector is told at the end of a start."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from jubilee.bootstrap.garbage_collection import GC_THRESHOLDS, freeze_startup_objects


class Link:
    """Refers to itself: reference counting alone never frees it."""

    def __init__(self) -> None:
        """Close the circle."""
        self.link = self


@pytest.fixture
def collector() -> Iterator[None]:
    """Restore the collector afterwards; it does not run by itself in the test."""
    before = gc.get_threshold()
    gc.disable()
    yield
    gc.enable()
    gc.unfreeze()
    gc.set_threshold(*before)


@pytest.mark.usefixtures("collector")
def test_what_a_start_leaves_behind_is_freed_and_what_it_keeps_is_exempt() -> None:
    garbage, kept = weakref.ref(Link()), Link()
    assert garbage() is not None
    freeze_startup_objects()
    assert garbage() is None
    assert gc.get_threshold() == GC_THRESHOLDS
    assert gc.get_freeze_count() > 0
    assert not any(each is kept for each in gc.get_objects())
