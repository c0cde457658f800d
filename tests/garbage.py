"""When the tests' processes look for garbage.

What is made while tests are collected stays to the end: to look through it again and again took
half of that time, and a part of every later search.
"""

import gc
from collections.abc import Generator

import pytest


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for none while tests are collected, nor later among what is there then."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()
